import { type Failure, LabError } from "@/contracts/failure";
import type { Setup } from "@/contracts/runConfig";
import type { OptimizerState, StateDict } from "@/contracts/tensors";
import type { AdapterInfo, ReplicaStatus } from "@/contracts/training";
import { isSameAdapter } from "@/engine/adapter";
import type { Command, JoinRequest, Report } from "./commands";
import type { Exchange, RoundOutcome } from "./exchange";
import { sharesBySpeed } from "./sharding";
import { StatisticsHub } from "./statisticsHub";

/** A round that takes this long, and this many times the longest one so far, has lost who has not answered. */
const STALL_MS = 120_000;
const STALL_FACTOR = 20;
/** The screen says that the others are waited for after this long. */
const NOTE_MS = 3000;
const WATCH_MS = 1000;

export interface GroupOptions {
  readonly setup: Setup;
  readonly exchange: Exchange;
  /** To the replicas of rank 1, 2, … */
  readonly followers: readonly MessagePort[];
  readonly now: () => number;
  /** Told when a replica has gone, and how long the others have been waited for (null: no longer). */
  readonly onLost: (rank: number, reason: string) => void;
  readonly onWaiting: (seconds: number | null) => void;
  /** Divide images by measured speed; absent: where no two replicas share a device. */
  readonly balance?: boolean;
  readonly stallMs?: number;
  /** BatchNorm's statistics are those of all replicas' images. Absent: each has its own. */
  readonly synchronised?: boolean;
}

interface Member {
  readonly port: MessagePort | null;
  adapter: AdapterInfo | null;
  shared: boolean;
  lost: string | null;
  images: number;
  computeMs: number;
  exchangeMs: number;
  /** Since the shares were last set. */
  recent: { images: number; computeMs: number };
  computed: Extract<Report, { type: "computed" }> | null;
  /** Called at every report, and when it is lost. */
  wake: () => void;
  joined: { resolve(): void; reject(error: unknown): void } | null;
}

/** The leader's view of all replicas of a run: who is there, how fast, and what each takes. It outlives lost devices. */
export class ReplicaGroup {
  readonly setup: Setup;
  readonly exchange: Exchange;
  /** Where BatchNorm's statistics are synchronised; else null. */
  readonly statistics: StatisticsHub | null;
  private readonly options: GroupOptions;
  private readonly members: readonly Member[];
  private current: number[];
  private rounds = 0;
  private longestMs = 0;

  constructor(options: GroupOptions) {
    this.options = options;
    this.setup = options.setup;
    this.exchange = options.exchange;
    this.members = [null, ...options.followers].map((port) => ({
      port,
      adapter: null,
      shared: false,
      lost: null,
      images: 0,
      computeMs: 0,
      exchangeMs: 0,
      recent: { images: 0, computeMs: 0 },
      computed: null,
      wake: () => undefined,
      joined: null,
    }));
    this.current = this.members.map(() => 1);
    this.statistics = options.synchronised
      ? new StatisticsHub({
          isLost: (rank) => this.isLost(rank),
          tell: (rank, command) => this.tell(rank, command),
          watched: (answer, late) =>
            this.watch(answer, (reason) => {
              for (const rank of late()) this.exchange.drop(rank, reason);
            }),
        })
      : null;
    this.exchange.onGone = (rank, reason) => this.lose(rank, reason);
    for (const [rank, { port }] of this.members.entries())
      if (port) port.onmessage = ({ data }: MessageEvent<Report>) => this.heard(rank, data);
  }

  /** Shares of a step's images by rank; 0: gone. */
  get shares(): readonly number[] {
    return this.current.map((share, rank) => (this.isLost(rank) ? 0 : share));
  }

  isLost(rank: number): boolean {
    return this.members[rank]?.lost !== null;
  }

  /** Starts the followers' executors and waits for all of them. Throws the failure of one that could not. */
  async join(
    own: AdapterInfo | null,
    engine: string,
    requestOf: (rank: number) => JoinRequest,
  ): Promise<void> {
    const [leader] = this.members;
    if (leader) leader.adapter = own;
    await Promise.all(
      this.members.map(
        (member, rank) =>
          rank === 0 ||
          new Promise<void>((resolve, reject) => {
            member.joined = { resolve, reject };
            this.tell(rank, { type: "join", ...requestOf(rank) });
          }),
      ),
    );
    for (const [rank, member] of this.members.entries())
      member.shared = this.members.some(
        (other, each) =>
          each !== rank &&
          (engine === "webgpu" || engine === "tfjs-webgpu"
            ? isSameAdapter(member.adapter, other.adapter)
            : true),
      );
  }

  /** Continues from what a checkpoint says of each replica. Who was lost then is there again, with an equal share. */
  continueFrom(replicas: readonly ReplicaStatus[]): void {
    const wasLost = replicas.some(({ lost }) => lost !== null);
    for (const [rank, { images, computeMs, exchangeMs, share }] of replicas.entries()) {
      Object.assign(this.members[rank] ?? {}, { images, computeMs, exchangeMs });
      if (!wasLost) this.current[rank] = share;
    }
  }

  /** Brings every distributed follower to a checkpoint; a master sends its parameters at each step anyway. */
  restore(state: { readonly weights: StateDict; readonly optimizer: OptimizerState }): void {
    if (this.setup.kind !== "ddp") return;
    for (let rank = 1; rank < this.members.length; rank++) this.tell(rank, { type: "restore", ...state });
  }

  tell(rank: number, command: Command, transfer: Transferable[] = []): void {
    if (!this.isLost(rank)) this.members[rank]?.port?.postMessage(command, transfer);
  }

  /** Divides each step's images in this proportion from now on. */
  setShares(shares: readonly number[]): void {
    this.current = [...shares];
  }

  nextRound(): number {
    this.rounds++;
    return this.rounds;
  }

  /** Ends what is going on: the leader begins anew from a checkpoint. */
  reset(): void {
    this.exchange.reset(this.rounds);
    this.statistics?.callOff(this.rounds);
  }

  /** Waits for a round while watching for replicas that have stalled. */
  watched(round: number, averaging: Promise<RoundOutcome>): Promise<RoundOutcome> {
    return this.watch(averaging, (reason) => this.exchange.expire(round, reason));
  }

  private async watch<T>(answer: Promise<T>, giveUp: (reason: string) => void): Promise<T> {
    const { now, onWaiting, stallMs = STALL_MS } = this.options;
    const begunMs = now();
    const limitMs = Math.max(stallMs, STALL_FACTOR * this.longestMs);
    let told = false;
    const timer = setInterval(
      () => {
        const ms = now() - begunMs;
        const seconds = Math.round(ms / 1000);
        if (ms >= NOTE_MS) {
          told = true;
          onWaiting(seconds);
        }
        if (ms >= limitMs) giveUp(`it did not answer for ${seconds} s`);
      },
      Math.min(WATCH_MS, stallMs),
    );
    try {
      return await answer;
    } finally {
      clearInterval(timer);
      if (told) onWaiting(null);
      this.longestMs = Math.max(this.longestMs, now() - begunMs);
    }
  }

  /** A follower's part of a round, once it has told; null when it is lost. It is watched as the round was. */
  computed(rank: number, round: number): Promise<{ lossSum: number; images: number } | null> {
    return this.watch(this.told(rank, round), (reason) => this.exchange.drop(rank, reason));
  }

  private async told(rank: number, round: number): Promise<Member["computed"]> {
    const member = this.members[rank];
    while (member && member.computed?.round !== round) {
      if (member.lost !== null) return null;
      await new Promise<void>((resolve) => {
        member.wake = resolve;
      });
    }
    return member?.computed ?? null;
  }

  /** A step is done: images by rank. */
  stepDone(images: readonly number[]): void {
    for (const [rank, count] of images.entries()) {
      const member = this.members[rank];
      if (member) member.images += count;
    }
  }

  /** How long a replica took for its part of a step; a follower tells it after the step. */
  measured(rank: number, images: number, computeMs: number, exchangeMs: number): void {
    const member = this.members[rank];
    if (!member) return;
    member.computeMs += computeMs;
    member.exchangeMs += exchangeMs;
    member.recent.images += images;
    member.recent.computeMs += computeMs;
  }

  /** Sets the shares by what was measured since the last time, where that is wanted. */
  rebalance(): void {
    const { balance = !this.members.some(({ shared }) => shared) } = this.options;
    const present = this.members.filter(({ lost }) => lost === null);
    if (!balance || present.some(({ recent }) => recent.computeMs === 0)) return;
    const speeds = this.members.map(({ lost, recent }) =>
      lost === null ? recent.images / recent.computeMs : 0,
    );
    this.setShares(sharesBySpeed(speeds));
    for (const member of present) member.recent = { images: 0, computeMs: 0 };
  }

  status(): ReplicaStatus[] {
    const { shares } = this;
    const sum = shares.reduce((all, share) => all + share, 0);
    return this.members.map(({ adapter, shared, images, computeMs, exchangeMs, lost }, rank) => ({
      adapter: adapter
        ? adapter.description || adapter.device || adapter.architecture || adapter.vendor
        : "processor",
      shared,
      images,
      computeMs,
      exchangeMs,
      share: (shares[rank] as number) / sum,
      lost,
    }));
  }

  /** Lets the followers go. */
  close(): void {
    for (const [rank, { port }] of this.members.entries()) {
      this.tell(rank, { type: "leave" });
      if (port) port.onmessage = null;
    }
  }

  private heard(rank: number, report: Report): void {
    const member = this.members[rank];
    if (!member || member.lost !== null) return;
    switch (report.type) {
      case "joined":
        member.adapter = report.adapter;
        member.joined?.resolve();
        break;
      case "failed":
        member.joined?.reject(couldNotJoin(rank, report.failure));
        break;
      case "statistics":
        this.statistics?.take(rank, report.round, report);
        break;
      case "computed":
        member.computed = report;
        break;
      case "stepped":
        this.measured(rank, report.images, report.computeMs, report.exchangeMs);
        break;
      default:
        report satisfies never;
    }
    member.wake();
  }

  private lose(rank: number, reason: string): void {
    const member = this.members[rank];
    if (!member || member.lost !== null) return;
    member.lost = reason;
    member.joined?.reject(
      couldNotJoin(rank, {
        code: "run/worker-crashed",
        message: reason,
        remedy: "Try again, with fewer replicas or smaller batches if it happens again.",
      }),
    );
    member.wake();
    this.statistics?.lose(rank);
    this.options.onLost(rank, reason);
  }
}

function couldNotJoin(rank: number, { code, message, remedy }: Failure): LabError {
  return new LabError(code, `Replica ${rank} could not start: ${message}`, remedy);
}
