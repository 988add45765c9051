import { useEffect, useState } from "react";
import { describeModel } from "@/bridge/evaluation";
import type { Failure } from "@/contracts/failure";
import type { ModelConfig } from "@/contracts/runConfig";
import type { ModelDescription } from "@/contracts/workers";

export type ModelCost =
  | { readonly status: "counting" }
  | { readonly status: "known"; readonly description: ModelDescription }
  | { readonly status: "failed"; readonly failure: Failure };

const PATIENCE_MS = 150;

/** Parameters and forward GFLOP of a network at an image side, counted by the evaluation worker a moment after the last change. */
export function useModelCost(model: ModelConfig, size: number): ModelCost {
  const { name, width, norm } = model;
  const [cost, setCost] = useState<ModelCost>({ status: "counting" });
  useEffect(() => {
    let current = true;
    setCost({ status: "counting" });
    const timer = setTimeout(() => {
      void describeModel({ name, width, norm }, size).then((outcome) => {
        if (!current) return;
        setCost(
          outcome.ok
            ? { status: "known", description: outcome.value }
            : { status: "failed", failure: outcome.failure },
        );
      });
    }, PATIENCE_MS);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [name, width, norm, size]);
  return cost;
}
