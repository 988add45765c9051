import { describe, expect, it } from "vitest";
import { parsePatientTable, patientKey, patientOf } from "./patient";

describe("parsePatientTable", () => {
  it.each([
    ["comma", "file,patient\na.png,p1\nb.png,p2\n"],
    [
      "semicolon, other columns, mark and CRLF",
      "\uFEFFAge;Patient ID;Image Index\r\n60;p1;a.png\r\n61;p2;b.png\r\n",
    ],
    ["tab and quotes", 'File Name\tSubject_ID\n"a.png"\tp1\n\n"b.png"\t"p2"'],
  ])("reads %s", (_name, csv) => {
    expect([...parsePatientTable(csv)].sort()).toEqual([
      ["a.png", "p1"],
      ["b.png", "p2"],
    ]);
  });

  it("reads NIH's own table", () => {
    const csv =
      'Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age\n00000001_000.png,"A,B ""C""",0,1,58\n';
    expect(parsePatientTable(csv).get("00000001_000.png")).toBe("1");
  });

  it.each([
    ["no such columns", "name,who\na,b\n"],
    ["no rows", "file,patient\n"],
    ["two patients for a file", "file,patient\na.png,1\na.png,2\n"],
    ["nothing", ""],
  ])("refuses %s", (_name, csv) => {
    expect(() => parsePatientTable(csv)).toThrowError(/data\/patient-csv/);
  });
});

describe("patientOf", () => {
  const table = parsePatientTable("file,patient\nset/a.png,p1\n00000009_001.png,p2\n");

  it("prefers the table, then the NIH pattern, then nobody", () => {
    expect(patientOf("x.zip/set/a.png", table)).toEqual({ name: "p1", source: "csv" });
    expect(patientOf("other/a.png", table)).toEqual({ name: null, source: "none" });
    expect(patientOf("deep/00000009_001.png", table)).toEqual({ name: "p2", source: "csv" });
    expect(patientOf("deep/00000009_001.PNG", null)).toEqual({ name: "00000009", source: "nih-name" });
    expect(patientOf("00000009_001.jpeg", null).source).toBe("nih-name");
    expect(patientOf("100000009_001.png", null).source).toBe("none");
    expect(patientOf("00000009_1.png", null).source).toBe("none");
  });
});

describe("patientKey", () => {
  it("is equal for a patient within a dataset and different otherwise", async () => {
    const key = await patientKey("d1", "00000009", "h1");
    expect(key).toMatch(/^[0-9a-f]{16}$/);
    expect(await patientKey("d1", "00000009", "h2")).toBe(key);
    expect(await patientKey("d2", "00000009", "h1")).not.toBe(key);
    expect(await patientKey("d1", null, "h1")).not.toBe(await patientKey("d1", null, "h2"));
    expect(await patientKey("d1", null, "h1")).not.toBe(await patientKey("d1", "h1", "h1"));
  });
});
