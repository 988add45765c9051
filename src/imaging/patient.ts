import type { DatasetRecord } from "@/contracts/dataset";
import { LabError } from "@/contracts/failure";
import { sha256Hex } from "@/contracts/hash";
import { baseName } from "./decode";

/** NIH ChestX-ray14 names a file by patient and visit. */
const NIH_NAME = /^(\d{8})_\d{3}\.(png|jpe?g)$/i;
/** Header names, lower case with everything but letters and digits left out. */
const FILE_HEADERS: ReadonlySet<string> = new Set([
  "file",
  "filename",
  "path",
  "image",
  "imageindex",
  "imageid",
]);
const PATIENT_HEADERS: ReadonlySet<string> = new Set(["patient", "patientid", "subject", "subjectid"]);
/** 64 bits: no two of a million patients share a key, and nothing of a name is left. */
const KEY_LENGTH = 16;

/** Who is in a file, by path or by bare file name. */
export type PatientTable = ReadonlyMap<string, string>;

function badTable(message: string, remedy: string): LabError {
  return new LabError("data/patient-csv", message, remedy);
}

/** Rows of fields (RFC 4180: quotes, doubled quotes, line breaks within quotes). Empty lines are left out. */
function parseRows(text: string, delimiter: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let field = "";
  let quoted = false;
  const endRow = (): void => {
    row.push(field);
    if (row.some((value) => value.trim() !== "")) rows.push(row);
    row = [];
    field = "";
  };
  for (let i = 0; i < text.length; i++) {
    const letter = text[i] as string;
    if (quoted) {
      if (letter !== '"') field += letter;
      else if (text[i + 1] === '"') {
        field += '"';
        i++;
      } else quoted = false;
    } else if (letter === '"' && field === "") quoted = true;
    else if (letter === delimiter) {
      row.push(field);
      field = "";
    } else if (letter === "\n") endRow();
    else if (letter !== "\r") field += letter;
  }
  endRow();
  return rows;
}

/**
 * Reads a `file,patient` table; comma, semicolon or tab, columns in any order among others, header names as in
 * `FILE_HEADERS` and `PATIENT_HEADERS` (NIH's "Image Index" and "Patient ID" too). Fails with `data/patient-csv`.
 */
export function parsePatientTable(csv: string): PatientTable {
  const text = csv.replace(/^\uFEFF/, "");
  const headerLine = text.slice(0, text.search(/[\r\n]|$/));
  const delimiter = [",", ";", "\t"].reduce((best, candidate) =>
    headerLine.split(candidate).length > headerLine.split(best).length ? candidate : best,
  );
  const [header = [], ...rows] = parseRows(text, delimiter);
  const names = header.map((name) => name.toLowerCase().replace(/[^a-z0-9]/g, ""));
  const fileColumn = names.findIndex((name) => FILE_HEADERS.has(name));
  const patientColumn = names.findIndex((name) => PATIENT_HEADERS.has(name));
  if (fileColumn < 0 || patientColumn < 0)
    throw badTable(
      "The patient table has no columns named file and patient.",
      'Give it a first line "file,patient", then one line for each image.',
    );
  const table = new Map<string, string>();
  for (const row of rows) {
    const file = row[fileColumn]?.trim();
    const patient = row[patientColumn]?.trim();
    if (!file || !patient) continue;
    if ((table.get(file) ?? patient) !== patient)
      throw badTable(
        `The patient table gives ${file} to two patients.`,
        "Keep the right one of the two lines.",
      );
    table.set(file, patient);
  }
  if (table.size === 0) throw badTable("The patient table lists no images.", "Add one line for each image.");
  return table;
}

export interface Patient {
  /** Null: unknown, the image counts as its own patient. */
  readonly name: string | null;
  readonly source: DatasetRecord["patientSource"];
}

/** Looks a path up as it is, then without its leading folders one by one, down to the bare name. */
function listed(path: string, table: PatientTable): string | undefined {
  for (let rest = path; ; rest = rest.slice(rest.indexOf("/") + 1)) {
    const patient = table.get(rest);
    if (patient !== undefined || !rest.includes("/")) return patient;
  }
}

/** Who is in the file: by the table, else by NIH's pattern of names. */
export function patientOf(path: string, table: PatientTable | null): Patient {
  const name = table ? listed(path, table) : undefined;
  if (name !== undefined) return { name, source: "csv" };
  const nih = NIH_NAME.exec(baseName(path))?.[1];
  return nih === undefined ? { name: null, source: "none" } : { name: nih, source: "nih-name" };
}

/**
 * What is stored of a patient: a truncated SHA-256, salted with the dataset's random id, so that keys tell nothing
 * without it and differ between datasets. An unknown patient's key comes from the image.
 */
export async function patientKey(
  datasetId: string,
  patient: string | null,
  contentHash: string,
): Promise<string> {
  const text = patient === null ? `image\n${contentHash}` : `patient\n${patient}`;
  const bytes = new TextEncoder().encode(`denoise-lab\n${datasetId}\n${text}`);
  return (await sha256Hex(bytes)).slice(0, KEY_LENGTH);
}
