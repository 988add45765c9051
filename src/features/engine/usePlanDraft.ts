import { useEffect, useRef, useState } from "react";
import { useLocation } from "wouter";
import { useSearch } from "wouter/use-browser-location";
import type { Failure } from "@/contracts/failure";
import { type FieldErrors, fieldErrors } from "@/features/training/fieldErrors";
import { choosePlan, engineLabStore } from "@/state/engineLab";
import {
  draftFromQuery,
  draftOf,
  draftToQuery,
  FIRST_DRAFT,
  type PlanDraft,
  type ReadDraft,
  requestOf,
} from "./planDraft";

/** The address and the plan follow the form after a pause in typing. */
const DELAY_MS = 300;

export interface PlanForm {
  readonly draft: PlanDraft;
  readonly errors: FieldErrors;
  readonly valid: boolean;
  /** Why the address was not read, if it was not. */
  readonly refused: Failure | null;
  readonly onChange: (draft: PlanDraft) => void;
}

interface FormState extends ReadDraft {
  /** Differs from what the address says: only then is the address rewritten. */
  readonly edited: boolean;
}

/** What the address asks for; without a choice in it, what was shown last. */
function formOf(query: string): FormState {
  const read = draftFromQuery(query);
  if (read) return { ...read, edited: false };
  const { request } = engineLabStore.getState();
  return request
    ? { draft: draftOf(request), refused: null, edited: true }
    : { draft: FIRST_DRAFT, refused: null, edited: false };
}

/** The choice of a plan, from the address and back into it; a valid one is planned by itself. */
export function usePlanDraft(): PlanForm {
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
  const errors = fieldErrors(draft.config);
  const valid = !["model.width", "data.size", "training.batchSize"].some((path) => path in errors);
  // The first plan is wanted at once.
  const delayMs = edited ? DELAY_MS : 0;
  useEffect(() => {
    if (!valid) return;
    const timer = setTimeout(() => {
      void choosePlan(requestOf(draft));
      if (!edited) return;
      known.current = draftToQuery(draft);
      navigate(`/engine?${known.current}`, { replace: true });
    }, delayMs);
    return () => clearTimeout(timer);
  }, [draft, valid, edited, delayMs, navigate]);
  return {
    draft,
    errors,
    valid,
    refused,
    onChange: (next) => setState({ draft: next, refused: null, edited: true }),
  };
}
