/** What TeX reads as something else, and signs that its oldest fonts lack. */
const SPECIAL: Readonly<Record<string, string>> = {
  "\\": "\\textbackslash{}",
  "{": "\\{",
  "}": "\\}",
  "&": "\\&",
  "%": "\\%",
  $: "\\$",
  "#": "\\#",
  _: "\\_",
  "~": "\\textasciitilde{}",
  "^": "\\textasciicircum{}",
  "<": "\\textless{}",
  ">": "\\textgreater{}",
  "|": "\\textbar{}",
  '"': "\\textquotedbl{}",
  // After a line's end TeX would take it for the start of an option.
  "[": "{[}",
  σ: "$\\sigma$",
  "±": "$\\pm$",
  "×": "$\\times$",
  "−": "$-$",
  "≥": "$\\geq$",
  "≤": "$\\leq$",
  "·": "$\\cdot$",
  "²": "$^2$",
  "–": "--",
  "—": "---",
  "…": "\\ldots{}",
  "“": "``",
  "”": "''",
  "‘": "`",
  "’": "'",
  "\u00a0": "~",
};

/** What T1 fonts lack would end the run of TeX: a name in another script loses its letters here, and here only. */
const NOT_IN_T1 = /[^\x20-\x7e\u00a0-\u017f]/gu;

/** Text as LaTeX sets it; every special character stands for itself. */
export function escapeLatex(text: string): string {
  const escaped = text.replace(/[\\{}&%$#_~^<>|"[σ±×−≥≤·²–—…“”‘’\u00a0]/g, (sign) => SPECIAL[sign] ?? sign);
  return escaped.replace(NOT_IN_T1, "?");
}
