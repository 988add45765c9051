import { LabError } from "@/contracts/failure";

const WHOLE_BEFORE = "The images before the damage were read; get the archive again for the rest.";

export function corruptArchive(name: string, cause?: unknown): LabError {
  return new LabError("decode/archive", `${name} is damaged or not an archive.`, WHOLE_BEFORE, { cause });
}

export function truncatedArchive(name: string): LabError {
  return new LabError("decode/archive", `${name} ends early.`, WHOLE_BEFORE);
}

export function encryptedArchive(name: string): LabError {
  return new LabError(
    "decode/encrypted",
    `${name} is protected by a password.`,
    "Unpack it and import the folder.",
  );
}

export function nestedArchive(name: string): LabError {
  return new LabError(
    "decode/nested-archive",
    `${name} is an archive within an archive.`,
    "Unpack it and import it by itself.",
  );
}
