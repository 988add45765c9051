import type { Build, Kernel, Target, Variant } from "./kernel";

/**
 * A builder that takes one of several ways: the one that the tuner chose for the kernel's label on this device, else the first.
 * `variantsOf` gives at least one, the default first; all have the same label, bindings and result.
 */
export function tunable<Spec, Result extends Kernel>(
  variantsOf: (spec: Spec, target: Target) => readonly Variant<Result>[],
): Build<Spec, Result> {
  return (spec, target) => {
    const alternatives = variantsOf(spec, target);
    const first = (alternatives[0] as Variant<Result>).build();
    const wanted = target.tuning.get(first.label);
    // A name that this version does not have (the tuning is older) falls back to the default.
    const chosen = alternatives.slice(1).find(({ name }) => name === wanted);
    const kernel = chosen ? chosen.build() : first;
    const variant = (chosen ?? (alternatives[0] as Variant<Result>)).name;
    return alternatives.length === 1 ? { ...kernel, variant } : { ...kernel, variant, alternatives };
  };
}
