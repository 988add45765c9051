import { corrupt, notOnlyWeights, truncated } from "./failures";

/**
 * What a pickle of weights is made of. Lists and tuples are arrays, dicts are maps. Nothing else can come out: a name that
 * is not on the reader's list ends it.
 */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | PickleValue[]
  | Map<PickleValue, PickleValue>
  | Global
  | { readonly kind: string };

/** A name that a pickle refers to. It is never looked up: `call` of the reader knows the few that it accepts. */
export class Global {
  readonly kind = "global";
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

export interface PickleRules {
  /** What the persistent id of a storage stands for. */
  readonly persistent: (id: PickleValue) => PickleValue;
  /** The result of a callable with its arguments; throws for a name that is not on the list. */
  readonly call: (name: string, args: readonly PickleValue[]) => PickleValue;
  /** Names that may be mentioned. */
  readonly known: ReadonlySet<string>;
}

const TEXT = new TextDecoder();
const MARK = Symbol("mark");
type Slot = PickleValue | typeof MARK;

/**
 * Interprets the pickle at `start` of `bytes` and tells where it ends. Python's pickle is a little stack machine that can
 * call anything; this one knows only the opcodes that build containers, and calls nothing but `rules.call`. Protocols 2
 * to 4, as PyTorch writes them. Failures: `weights/pickle`, `weights/corrupt`, `weights/truncated`.
 */
export function readPickle(
  bytes: Uint8Array,
  start: number,
  rules: PickleRules,
): { readonly value: PickleValue; readonly end: number } {
  return new Machine(bytes, start, rules).run();
}

class Machine {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #rules: PickleRules;
  readonly #stack: Slot[] = [];
  readonly #memo = new Map<number, PickleValue>();
  #at: number;

  constructor(bytes: Uint8Array, start: number, rules: PickleRules) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#rules = rules;
    this.#at = start;
  }

  run(): { value: PickleValue; end: number } {
    for (;;) {
      const opcode = this.#view.getUint8(this.#take(1));
      // STOP
      if (opcode === 0x2e) return { value: this.#pop(), end: this.#at };
      this.#step(opcode);
    }
  }

  #take(count: number): number {
    const at = this.#at;
    if (count < 0 || at + count > this.#bytes.length) throw truncated("inside its list of weights");
    this.#at = at + count;
    return at;
  }

  #u8 = (): number => this.#view.getUint8(this.#take(1));
  #u16 = (): number => this.#view.getUint16(this.#take(2), true);
  #u32 = (): number => this.#view.getUint32(this.#take(4), true);

  #text(length: number): string {
    const at = this.#take(length);
    return TEXT.decode(this.#bytes.slice(at, at + length));
  }

  #line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at);
    if (end < 0) throw truncated("inside a name");
    const text = this.#text(end - this.#at);
    this.#at++;
    return text;
  }

  #long(length: number): number | bigint {
    const at = this.#take(length);
    let value = 0n;
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(this.#bytes[at + i] as number);
    if (length > 0 && (this.#bytes[at + length - 1] as number) & 0x80) value -= 1n << BigInt(8 * length);
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }

  #push(value: PickleValue): void {
    this.#stack.push(value);
  }

  #pop(): PickleValue {
    const value = this.#stack.pop();
    if (value === undefined || value === MARK) throw corrupt("its list of weights is out of order");
    return value;
  }

  /** What was pushed since the last mark. */
  #popToMark(): PickleValue[] {
    const mark = this.#stack.lastIndexOf(MARK);
    if (mark < 0) throw corrupt("its list of weights is out of order");
    const values = this.#stack.splice(mark).slice(1);
    return values as PickleValue[];
  }

  #top(): PickleValue {
    const value = this.#stack.at(-1);
    if (value === undefined || value === MARK) throw corrupt("its list of weights is out of order");
    return value;
  }

  #remember(place: number): void {
    this.#memo.set(place, this.#top());
  }

  #recall(place: number): void {
    const value = this.#memo.get(place);
    if (value === undefined) throw corrupt("its list of weights refers to what is not there");
    this.#push(value);
  }

  #global(name: string): Global {
    if (!this.#rules.known.has(name)) throw notOnlyWeights(name);
    return new Global(name);
  }

  #append(values: readonly PickleValue[]): void {
    const list = this.#top();
    if (!Array.isArray(list)) throw corrupt("it appends to what is no list");
    for (const value of values) list.push(value);
  }

  #setItems(pairs: readonly PickleValue[]): void {
    const map = this.#top();
    if (!(map instanceof Map) || pairs.length % 2 !== 0) throw corrupt("it sets items of what is no dict");
    for (let i = 0; i < pairs.length; i += 2) map.set(pairs[i] as PickleValue, pairs[i + 1] as PickleValue);
  }

  #step(opcode: number): void {
    switch (opcode) {
      case 0x80: // PROTO
        this.#take(1);
        break;
      case 0x95: // FRAME
        this.#take(8);
        break;
      case 0x28: // MARK
        this.#stack.push(MARK);
        break;
      case 0x30: // POP
        this.#pop();
        break;
      case 0x4e: // NONE
        this.#push(null);
        break;
      case 0x88: // NEWTRUE
        this.#push(true);
        break;
      case 0x89: // NEWFALSE
        this.#push(false);
        break;
      case 0x4a: // BININT
        this.#push(this.#view.getInt32(this.#take(4), true));
        break;
      case 0x4b: // BININT1
        this.#push(this.#u8());
        break;
      case 0x4d: // BININT2
        this.#push(this.#u16());
        break;
      case 0x8a: // LONG1
        this.#push(this.#long(this.#u8()));
        break;
      case 0x47: // BINFLOAT
        this.#push(this.#view.getFloat64(this.#take(8), false));
        break;
      case 0x55: // SHORT_BINSTRING
      case 0x8c: // SHORT_BINUNICODE
        this.#push(this.#text(this.#u8()));
        break;
      case 0x54: // BINSTRING
      case 0x58: // BINUNICODE
        this.#push(this.#text(this.#u32()));
        break;
      case 0x5d: // EMPTY_LIST
      case 0x29: // EMPTY_TUPLE
        this.#push([]);
        break;
      case 0x7d: // EMPTY_DICT
        this.#push(new Map());
        break;
      case 0x74: // TUPLE
        this.#push(this.#popToMark());
        break;
      case 0x85: // TUPLE1
      case 0x86: // TUPLE2
      case 0x87: {
        // TUPLE3
        const tuple: PickleValue[] = [];
        for (let i = 0x84; i < opcode; i++) tuple.unshift(this.#pop());
        this.#push(tuple);
        break;
      }
      case 0x61: // APPEND
        {
          const value = this.#pop();
          this.#append([value]);
        }
        break;
      case 0x65: // APPENDS
        this.#append(this.#popToMark());
        break;
      case 0x73: {
        // SETITEM
        const value = this.#pop();
        const key = this.#pop();
        this.#setItems([key, value]);
        break;
      }
      case 0x75: // SETITEMS
        this.#setItems(this.#popToMark());
        break;
      case 0x71: // BINPUT
        this.#remember(this.#u8());
        break;
      case 0x72: // LONG_BINPUT
        this.#remember(this.#u32());
        break;
      case 0x94: // MEMOIZE
        this.#remember(this.#memo.size);
        break;
      case 0x68: // BINGET
        this.#recall(this.#u8());
        break;
      case 0x6a: // LONG_BINGET
        this.#recall(this.#u32());
        break;
      case 0x63: {
        // GLOBAL
        const module = this.#line();
        this.#push(this.#global(`${module}.${this.#line()}`));
        break;
      }
      case 0x93: {
        // STACK_GLOBAL
        const name = this.#pop();
        this.#push(this.#global(`${String(this.#pop())}.${String(name)}`));
        break;
      }
      case 0x51: // BINPERSID
        this.#push(this.#rules.persistent(this.#pop()));
        break;
      case 0x52: {
        // REDUCE
        const args = this.#pop();
        const callable = this.#pop();
        if (!(callable instanceof Global) || !Array.isArray(args)) throw corrupt("it calls what is no name");
        this.#push(this.#rules.call(callable.name, args));
        break;
      }
      case 0x62: // BUILD: attributes of a dict (PyTorch's `_metadata`), which are of no use here
        this.#pop();
        if (!(this.#top() instanceof Map)) throw notOnlyWeights("an object with attributes of its own");
        break;
      default:
        throw notOnlyWeights(`the pickle instruction 0x${opcode.toString(16)}`);
    }
  }
}
