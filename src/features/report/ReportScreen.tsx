import { Button, Card, Stack, Text, Title } from "@mantine/core";
import { IconReportAnalytics } from "@tabler/icons-react";
import { useEffect, useState } from "react";
import { Link, useSearch } from "wouter";
import type { RunRecord } from "@/contracts/run";
import { proseParts } from "@/contracts/studyReport";
import type { StudyView } from "@/contracts/workers";
import { ImportPanel } from "@/features/runs/ImportPanel";
import { refreshRuns, useRuns } from "@/state/runs";
import { firstChoice, isReportable, showReport, useStudyReport } from "@/state/studyReport";
import { EmptyPanel } from "@/ui/EmptyPanel";
import { FailurePanel } from "@/ui/FailurePanel";
import { LoadingScreen } from "@/ui/LoadingScreen";
import { PageHeader } from "@/ui/PageHeader";
import { DownloadMenu } from "./DownloadMenu";
import { PicturesCard } from "./PicturesCard";
import { ReportFigure } from "./ReportFigure";
import classes from "./ReportScreen.module.css";
import { ReportTable } from "./ReportTable";
import { RunPicker } from "./RunPicker";

/** The study's tables and figures from chosen runs, its own numbers beside ours. `?runs=ID,ID` chooses them. */
export default function ReportScreen() {
  const { status, runs, failure } = useRuns();
  return (
    <>
      <PageHeader
        title="Report"
        lead="The study's tables and figures, made from your own runs, with its numbers beside yours."
      >
        <DownloadMenu />
      </PageHeader>
      {status === "failed" && failure && (
        <FailurePanel title="The list of runs could not be read" failure={failure}>
          <Button onClick={() => void refreshRuns()}>Try again</Button>
        </FailurePanel>
      )}
      {status === "loading" && <LoadingScreen />}
      {status === "ready" && (runs.some(isReportable) ? <Report runs={runs} /> : <NoRuns />)}
    </>
  );
}

function NoRuns() {
  return (
    <Stack gap="lg">
      <EmptyPanel
        icon={<IconReportAnalytics size={28} />}
        title="No finished run yet"
        text="Train U-Net and U-Net++ on the same images with the same noise and seed. When both have come to their end, this page sets them beside each other and beside the published study."
      >
        <Button component={Link} href="/train">
          Train U-Net
        </Button>
        <Button component={Link} href="/train?model.name=unetpp" variant="default">
          Train U-Net++
        </Button>
      </EmptyPanel>
      <ImportPanel thenOpen={false} />
    </Stack>
  );
}

function Report({ runs }: { readonly runs: readonly RunRecord[] }) {
  const asked = new URLSearchParams(useSearch()).get("runs");
  // Until somebody chooses, runs that come to the list come to the report: an import of several brings them one by one.
  const [choice, setChoice] = useState<readonly string[] | null>(null);
  const { view, failure } = useStudyReport();
  const present = (choice ?? initial(runs, asked)).filter((id) => runs.some((run) => run.id === id));
  // What was measured or compared since makes another report.
  const versions = runs.map(({ id, updatedAt, name }) => `${id} ${updatedAt} ${name}`).join();
  // biome-ignore lint/correctness/useExhaustiveDependencies: runs are read by the worker; `versions` says when they changed
  useEffect(() => {
    void showReport(present);
  }, [present.join(), versions]);
  return (
    <Stack gap="lg">
      <RunPicker runs={runs} chosen={present} onChoose={setChoice} />
      {present.length === 0 && <Text c="dimmed">Choose runs to see their report.</Text>}
      {failure && <FailurePanel title="The report could not be made" failure={failure} />}
      {view && present.length > 0 && <ReportBody view={view} />}
      {!view && !failure && present.length > 0 && <LoadingScreen />}
    </Stack>
  );
}

function initial(runs: readonly RunRecord[], asked: string | null): readonly string[] {
  const wanted = asked?.split(",") ?? [];
  const named = runs.filter((run) => wanted.includes(run.id) && isReportable(run)).map(({ id }) => id);
  return named.length > 0 ? named : firstChoice(runs);
}

function ReportBody({ view }: { readonly view: StudyView }) {
  const { report, charts, texts, testImages } = view;
  const { summary, differences, tables, figures, conditions } = report;
  const leftOut = useStudyReport().pictures?.leftOut ?? report.leftOut;
  const textOf = (id: string) => texts.find((text) => text.id === id);
  return (
    <>
      <nav aria-label="Parts of the report">
        <ul className={classes["jump"]}>
          {[
            ["differences", "Differences"],
            ...tables.map(({ id, title }) => [id, title]),
            ...figures.map(({ id, title }) => [id, title]),
            ["pictures", "Figures 5 to 7"],
            ["conditions", "Conditions"],
          ].map(([id, title]) => (
            <li key={id}>
              <a href={`#${id}`}>{title}</a>
            </li>
          ))}
        </ul>
      </nav>
      {summary.length > 0 && (
        <Card component="section" aria-label="Summary">
          <Title order={2} mb="xs">
            In short
          </Title>
          <ul className={classes["summary"]}>
            {summary.map((sentence) => (
              <li key={sentence}>
                <Prose text={sentence} />
              </li>
            ))}
          </ul>
          <Text size="sm" c="dimmed" mt="sm">
            {`Beside ${report.citation}. The numbers are comparable only as far as the differences below allow.`}
          </Text>
        </Card>
      )}
      <ReportTable table={differences} text={textOf("differences")} />
      {tables.map((table) => (
        <ReportTable key={table.id} table={table} text={textOf(table.id)} />
      ))}
      {figures.map((figure) => {
        const drawing = charts.find(({ id }) => id === figure.id);
        return (
          drawing && (
            <Card key={figure.id} component="section" id={figure.id} aria-label={figure.title}>
              <ReportFigure title={figure.title} caption={figure.caption} drawing={drawing} />
            </Card>
          )
        );
      })}
      <PicturesCard testImages={testImages} />
      <ReportTable table={conditions} text={textOf("conditions")} />
      {leftOut.length > 0 && (
        <Card component="section" aria-label="Left out">
          <Title order={3} mb="xs">
            Left out
          </Title>
          <ul className={classes["summary"]}>
            {leftOut.map((sentence) => (
              <li key={sentence}>
                <Text size="sm" component="span">
                  {sentence}
                </Text>
              </li>
            ))}
          </ul>
        </Card>
      )}
    </>
  );
}

function Prose({ text }: { readonly text: string }) {
  return proseParts(text).map((part, at) =>
    at % 2 === 1 ? (
      // biome-ignore lint/suspicious/noArrayIndexKey: a part is its place in a sentence that is made anew
      <span key={at} className={classes["whole"]}>
        {part}
      </span>
    ) : (
      part
    ),
  );
}
