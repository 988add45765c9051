import { outcomeOf } from "@/contracts/failure";
import { type LpipsNetwork, NO_LPIPS_WEIGHTS } from "@/contracts/lpips";
import { chooseLpipsBackend } from "@/evaluation/lpips/backendChoice";
import { openLpips } from "@/evaluation/lpips/lpips";
import { TestLpips } from "@/evaluation/lpips/testLpips";
import { readLpipsWeights } from "@/evaluation/lpips/weights";
import { lpipsWeightsOf, preferredLpipsWeights } from "@/storage/lpips";

/** LPIPS with the weights stored here, of `network` or of the preferred one; what keeps it from being measured, missing weights for one, is in its outcome. */
export async function storedLpips(network?: LpipsNetwork): Promise<TestLpips> {
  const stored = await outcomeOf(() => (network ? lpipsWeightsOf(network) : preferredLpipsWeights()));
  if (!stored.ok) return new TestLpips(stored);
  const record = stored.value;
  if (!record) return new TestLpips({ ok: false, failure: NO_LPIPS_WEIGHTS });
  return new TestLpips(
    await outcomeOf(async () => openLpips(await chooseLpipsBackend(), readLpipsWeights(record.bytes))),
  );
}
