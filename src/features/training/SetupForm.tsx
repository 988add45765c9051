import { Grid, Stack } from "@mantine/core";
import { useEffect, useRef, useState } from "react";
import { useLocation, useSearch } from "wouter";
import type { Failure } from "@/contracts/failure";
import { configFromQuery, configToQuery, DEFAULT_CONFIG, type RunConfig } from "@/contracts/runConfig";
import { FailurePanel } from "@/ui/FailurePanel";
import { AdvancedGroup } from "./AdvancedGroup";
import { DataGroup } from "./DataGroup";
import { PRESETS } from "./draft";
import { fieldErrors } from "./fieldErrors";
import { EngineGroup, NetworkGroup, NoiseGroup, OptimisationGroup } from "./LearningGroups";
import { ProtocolGroup } from "./ProtocolGroup";
import { SummaryPanel } from "./SummaryPanel";

/** The address follows the form after a pause in typing: browsers limit how often it may change. */
const ADDRESS_DELAY_MS = 300;

/** Without a config in the address: phantoms and a network that any machine can train. */
const FIRST_DRAFT: RunConfig = (PRESETS[0]?.apply ?? ((config: RunConfig) => config))({
  ...DEFAULT_CONFIG,
  data: { ...DEFAULT_CONFIG.data, source: "phantom:96" },
});

/** The draft that an address asks for, and why it was refused if it was. */
function draftOf(search: string): { readonly draft: RunConfig; readonly refused: Failure | null } {
  if (search === "") return { draft: FIRST_DRAFT, refused: null };
  const outcome = configFromQuery(search);
  return outcome.ok
    ? { draft: outcome.value, refused: null }
    : { draft: FIRST_DRAFT, refused: outcome.failure };
}

/** The run config as a form; the address always carries what it shows. */
export function SetupForm({ onStart }: { readonly onStart: (name: string, config: RunConfig) => void }) {
  const search = useSearch();
  const [, navigate] = useLocation();
  const [{ draft, refused }, setState] = useState(() => draftOf(search));
  /** The last query this form wrote: any other one comes from a link or the back button. */
  const written = useRef(search);
  useEffect(() => {
    if (search === written.current) return;
    written.current = search;
    setState(draftOf(search));
  }, [search]);
  const errors = fieldErrors(draft);
  const valid = Object.keys(errors).every((path) => path === "data.source");
  useEffect(() => {
    if (!valid) return;
    const timer = setTimeout(() => {
      const query = configToQuery(draft);
      if (query === written.current || (written.current === "" && draft === FIRST_DRAFT)) return;
      written.current = query;
      navigate(`/train?${query}`, { replace: true });
    }, ADDRESS_DELAY_MS);
    return () => clearTimeout(timer);
  }, [draft, valid, navigate]);
  const onChange = (next: RunConfig): void => setState({ draft: next, refused: null });
  const group = { draft, errors, onChange };
  return (
    <Stack gap="lg">
      {refused && <FailurePanel title="The config in the address was not read" failure={refused} />}
      <Grid gap="lg">
        <Grid.Col span={{ base: 12, md: 8 }}>
          <Stack gap="lg">
            <ProtocolGroup {...group} />
            <Grid gap="lg">
              <Grid.Col span={{ base: 12, sm: 6 }}>
                <Stack gap="lg">
                  <DataGroup {...group} />
                  <NetworkGroup {...group} />
                </Stack>
              </Grid.Col>
              <Grid.Col span={{ base: 12, sm: 6 }}>
                <Stack gap="lg">
                  <NoiseGroup {...group} />
                  <OptimisationGroup {...group} />
                </Stack>
              </Grid.Col>
            </Grid>
            <EngineGroup {...group} />
            <AdvancedGroup {...group} />
          </Stack>
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 4 }}>
          <div style={{ position: "sticky", top: 78 }}>
            <SummaryPanel {...group} onStart={onStart} />
          </div>
        </Grid.Col>
      </Grid>
    </Stack>
  );
}
