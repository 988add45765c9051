import { Card, Title } from "@mantine/core";
import { useMemo } from "react";
import { datasetId, phantomCount } from "@/contracts/runConfig";
import { useDatasets } from "@/state/datasets";
import { useTraining } from "@/state/training";
import { bestEpochStep } from "./bestEpochStep";
import { FilmPlayer } from "./FilmPlayer";
import { useFilm } from "./useFilm";

/** The film of the run in this tab, as far as its checkpoints have it; nothing before there is something to move. */
export function LiveFilm() {
  const run = useTraining((state) => state.run);
  const checkpointStep = useTraining((state) => state.checkpointStep);
  const stepsPerEpoch = useTraining((state) => state.started?.stepsPerEpoch ?? 1);
  const bestStep = useTraining((state) => bestEpochStep(state.epochs));
  const { datasets } = useDatasets();
  const { film } = useFilm(run && run.id !== "" ? run.id : null, checkpointStep);
  const source = run?.config.data.source ?? "any";
  const synthetic =
    phantomCount(source) !== null || datasets.find(({ id }) => id === datasetId(source))?.kind === "phantom";
  const id = run?.id ?? "";
  const name = run?.name ?? "";
  const reels = useMemo(
    () => (film ? [{ id, name, film, stepsPerEpoch, bestStep, synthetic }] : []),
    [id, name, film, stepsPerEpoch, bestStep, synthetic],
  );
  if (!film || film.frames.length < 2) return null;
  return (
    <Card component="section" aria-label="Film">
      <Title order={2} mb="sm">
        How it has learned so far
      </Title>
      <FilmPlayer key={id} reels={reels} />
    </Card>
  );
}
