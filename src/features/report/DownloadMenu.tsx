import { Button, Menu } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconDownload, IconX } from "@tabler/icons-react";
import type { StudyFormat } from "@/contracts/workers";
import { cancelStudyWork, makeFile, useStudyReport } from "@/state/studyReport";
import { saveBlob } from "@/ui/saveBlob";

const FORMATS: Record<StudyFormat, { readonly label: string; readonly file: string }> = {
  html: { label: "HTML, one file", file: "report.html" },
  markdown: { label: "Markdown", file: "report.md" },
  latex: { label: "LaTeX", file: "report.tex" },
  json: { label: "JSON", file: "report.json" },
  csv: { label: "Tables as CSV (zip)", file: "report-tables.zip" },
  zip: { label: "Everything (zip)", file: "report.zip" },
};

/** The report as files. */
export function DownloadMenu() {
  const { view, working } = useStudyReport();
  const making = working !== null && working !== "pictures";
  const save = async (format: StudyFormat): Promise<void> => {
    const outcome = await makeFile(format);
    if (outcome?.ok) saveBlob(outcome.value, FORMATS[format].file);
    else if (outcome && outcome.failure.code !== "run/cancelled")
      notifications.show({
        color: "red",
        title: "The report was not saved",
        message: `${outcome.failure.message} ${outcome.failure.remedy}`,
        autoClose: 12_000,
      });
  };
  if (making)
    return (
      <Button variant="default" leftSection={<IconX size={18} />} onClick={cancelStudyWork}>
        Cancel the file
      </Button>
    );
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Button leftSection={<IconDownload size={18} />} disabled={view === null || working !== null}>
          Download
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {Object.entries(FORMATS).map(([format, { label }]) => (
          <Menu.Item key={format} onClick={() => void save(format as StudyFormat)}>
            {label}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
