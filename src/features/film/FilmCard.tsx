import { Anchor, Card, Group, Select, Stack, Text, Title } from "@mantine/core";
import { useEffect, useMemo, useState } from "react";
import type { Film } from "@/contracts/film";
import type { RunRecord } from "@/contracts/run";
import { phantomCount } from "@/contracts/runConfig";
import { runsWithFilm } from "@/state/film";
import { FailurePanel } from "@/ui/FailurePanel";
import { formatTime } from "@/ui/format";
import { bestEpochStep } from "./bestEpochStep";
import { FilmPlayer, type NamedReel } from "./FilmPlayer";
import { useFilm } from "./useFilm";

export interface FilmCardProps {
  readonly run: RunRecord;
  /** All runs, from which a second film is chosen. */
  readonly runs: readonly RunRecord[];
  /** The run whose film is shown beside it at first. */
  readonly beside: string | null;
  /** Exports the run without these pictures. */
  readonly onExportWithout: () => void;
}

/** How a stored run learned, as a film of its fixed validation images; another run's beside it. */
export function FilmCard({ run, runs, beside, onExportWithout }: FilmCardProps) {
  const { film, failure } = useFilm(run.id, run.checkpointStep);
  const [otherId, setOtherId] = useState(beside);
  const candidates = useFilmedRuns(run, runs);
  const other = candidates?.find(({ id }) => id === otherId) ?? null;
  const { film: otherFilm, failure: otherFailure } = useFilm(other?.id ?? null, other?.checkpointStep ?? 0);
  const reels = useMemo(() => {
    const own = film ? [reelOf(run, film)] : [];
    if (!other || !otherFilm) return own;
    const name = other.name === run.name ? `${other.name} (${formatTime(other.createdAt)})` : other.name;
    return [...own, { ...reelOf(other, otherFilm), name }];
  }, [run, film, other, otherFilm]);
  return (
    <Card component="section" aria-label="Film">
      <Group justify="space-between" align="flex-end" mb="sm">
        <Title order={2}>How it learned</Title>
        {film && candidates && candidates.length > 0 && (
          <Select
            size="xs"
            w={260}
            aria-label="A second run beside it"
            placeholder="A second run beside it"
            data={candidates.map(({ id, name, createdAt }) => ({
              value: id,
              label: `${name}, ${formatTime(createdAt)}`,
            }))}
            value={other?.id ?? null}
            onChange={setOtherId}
            clearable
            clearButtonProps={{ "aria-label": "No second run" }}
            comboboxProps={{ shadow: "md" }}
          />
        )}
      </Group>
      {failure && <FailurePanel title="The film could not be read" failure={failure} />}
      {otherFailure && <FailurePanel title="The second film could not be read" failure={otherFailure} />}
      {candidates && otherId !== null && !other && (
        <Text size="sm" c="dimmed" mb="sm">
          The run that was to be shown beside it has no film, or is no longer stored.
        </Text>
      )}
      {film === null && !failure && <NoFilm run={run} />}
      {film && film.frames.length > 0 && (
        <Stack gap="sm">
          <FilmPlayer reels={reels} />
          <Text size="sm" c="dimmed">
            {aboutFilm(film)}
            {!reels[0]?.synthetic && (
              <>
                {" An export of this run carries them; "}
                <Anchor component="button" type="button" inherit onClick={onExportWithout}>
                  export it without
                </Anchor>
                {" for people who may not see them."}
              </>
            )}
          </Text>
        </Stack>
      )}
    </Card>
  );
}

function NoFilm({ run: { status } }: { readonly run: RunRecord }) {
  return (
    <Text size="sm" c="dimmed">
      {status === "running" || status === "paused"
        ? "The film begins with the first checkpoint."
        : "This run has no film: it was trained by a version of the lab that kept none, or exported without it."}
    </Text>
  );
}

/** The other runs that have a film, newest first; null until it is known. */
function useFilmedRuns(run: RunRecord, runs: readonly RunRecord[]): readonly RunRecord[] | null {
  const [filmed, setFilmed] = useState<ReadonlySet<string> | null>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: asked again when runs come or go
  useEffect(() => {
    let current = true;
    void runsWithFilm().then((ids) => {
      if (current) setFilmed(ids);
    });
    return () => {
      current = false;
    };
  }, [runs.length]);
  return useMemo(
    () => filmed && runs.filter(({ id }) => id !== run.id && filmed.has(id)),
    [run.id, runs, filmed],
  );
}

function reelOf(run: RunRecord, film: Film): NamedReel {
  const { epochs } = run;
  return {
    id: run.id,
    name: run.name,
    film,
    stepsPerEpoch: run.started?.stepsPerEpoch ?? epochs[0]?.step ?? 1,
    bestStep: bestEpochStep(epochs),
    synthetic: run.result?.dataset.synthetic ?? phantomCount(run.config.data.source) !== null,
  };
}

function aboutFilm({ images: { count, side, sourceSide }, frames }: Film): string {
  const size =
    side === sourceSide
      ? `at ${side}²`
      : `at ${side}² (single pixels of ${sourceSide}², so that the noise keeps its strength; figures are of the whole images)`;
  return `${frames.length} moments of ${count} fixed validation ${count === 1 ? "image" : "images"} ${size}. The network never trained on them. Frames lie closer together where more changes.`;
}
