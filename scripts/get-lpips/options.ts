import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { LabError } from "@/contracts/failure";
import { LPIPS_NETWORKS, type LpipsNetwork } from "@/contracts/lpips";

export const HELP = `npm run get-lpips [-- NETWORK] [--out DIR]

Downloads the weights of LPIPS v0.1 from their official homes, checks their SHA-256 and writes one file that the lab loads.

  NETWORK      alex (244 MB, as in the study; the default) or squeeze (5 MB)
  --out DIR    where the file goes (weights)
`;

export interface GetLpipsCommand {
  readonly help: boolean;
  readonly network: LpipsNetwork;
  /** Absolute. */
  readonly out: string;
}

/** What the arguments mean; paths are relative to `folder`. Fails with `bench/options`. */
export function parseCommand(args: readonly string[], folder: string): GetLpipsCommand {
  const bad = (message: string): LabError =>
    new LabError("bench/options", message, "See npm run get-lpips -- --help.");
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(args);
  } catch (error) {
    throw bad(error instanceof Error ? error.message : String(error));
  }
  const [name = "alex", more] = parsed.positionals;
  const network = LPIPS_NETWORKS.find((known) => known === name);
  if (!network || more !== undefined)
    throw bad(`${more ?? name} is not one network: it must be ${LPIPS_NETWORKS.join(" or ")}.`);
  return {
    help: parsed.values.help ?? false,
    network,
    out: resolve(folder, parsed.values.out ?? "weights"),
  };
}

const parse = (args: readonly string[]) =>
  parseArgs({
    args: [...args],
    options: { out: { type: "string" }, help: { type: "boolean" } },
    allowPositionals: true,
  });
