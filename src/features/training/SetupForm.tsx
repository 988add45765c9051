import { Grid, Stack } from "@mantine/core";
import { useEffect, useRef, useState } from "react";
import { useLocation } from "wouter";
import { useSearch } from "wouter/use-browser-location";
import type { Failure } from "@/contracts/failure";
import { configFromQuery, configToQuery, DEFAULT_CONFIG, type RunConfig } from "@/contracts/runConfig";
import { FailurePanel } from "@/ui/FailurePanel";
import { AdvancedGroup } from "./AdvancedGroup";
import { DataGroup } from "./DataGroup";
import { hasConfig, PRESETS } from "./draft";
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

interface FormState {
  readonly draft: RunConfig;
  /** Why the address was not read, if it was not. */
  readonly refused: Failure | null;
  /** Changed here since the address was read: only then is the address rewritten. */
  readonly edited: boolean;
}

/** The draft that an address asks for. */
function formOf(query: string): FormState {
  if (!hasConfig(query)) return { draft: FIRST_DRAFT, refused: null, edited: false };
  const outcome = configFromQuery(query);
  return outcome.ok
    ? { draft: outcome.value, refused: null, edited: false }
    : { draft: FIRST_DRAFT, refused: outcome.failure, edited: false };
}

/** The run config as a form; the address always carries what it shows. */
export function SetupForm({ onStart }: { readonly onStart: (name: string, config: RunConfig) => void }) {
  // Wouter's own `useSearch` decodes once too often for a query that holds JSON.
  const query = useSearch().replace(/^\?/, "");
  const [, navigate] = useLocation();
  const [{ draft, refused, edited }, setState] = useState(() => formOf(query));
  /** The last query this form read or wrote: any other one comes from a link or the back button. */
  const known = useRef(query);
  useEffect(() => {
    if (query === known.current) return;
    known.current = query;
    setState(formOf(query));
  }, [query]);
  const errors = fieldErrors(draft);
  const valid = Object.keys(errors).every((path) => path === "data.source");
  useEffect(() => {
    if (!valid || !edited) return;
    const timer = setTimeout(() => {
      known.current = configToQuery(draft);
      navigate(`/train?${known.current}`, { replace: true });
    }, ADDRESS_DELAY_MS);
    return () => clearTimeout(timer);
  }, [draft, valid, edited, navigate]);
  const onChange = (next: RunConfig): void => setState({ draft: next, refused: null, edited: true });
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
