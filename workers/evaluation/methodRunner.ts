import { type Failure, unwrap } from "@/contracts/failure";
import type { MethodOutput, MethodRunner, MethodTask } from "@/evaluation/methods/task";
import { PortPool } from "../portPool";

const NO_WORKER: Failure = {
  code: "internal/no-worker",
  message: "No worker for methods is running.",
  remedy: "Reload the page and compare again.",
};

/** Methods in the workers behind `ports`, one at a time in each. */
export function methodRunner(ports: readonly MessagePort[]): MethodRunner {
  const pool = new PortPool<MethodTask, MethodOutput>(ports, NO_WORKER);
  return {
    lanes: Math.max(1, pool.workers),
    // Copied, not transferred: other methods see the same picture.
    run: async (task) => unwrap(await pool.run(task)),
  };
}
