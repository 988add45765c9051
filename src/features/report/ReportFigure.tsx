import { ActionIcon, Group, Menu, Text, Title, useComputedColorScheme } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconDownload } from "@tabler/icons-react";
import { useEffect, useState } from "react";
import type { StudyDrawing } from "@/contracts/workers";
import { rasterizeSvg } from "@/ui/rasterizeSvg";
import { saveBlob } from "@/ui/saveBlob";
import classes from "./ReportFigure.module.css";

const SVG_TYPE = "image/svg+xml";
/** Sharp in print and on a screen with two pixels a point. */
const PNG_SCALE = 2;

export interface ReportFigureProps {
  readonly title: string;
  readonly caption: string;
  readonly drawing: StudyDrawing;
  /** A click on the drawing, in its own pixels. For pointers: what it does must have other ways too. */
  readonly onPoint?: (x: number, y: number) => void;
}

/** A figure of the report as a picture, with its caption and files. Files are in the colours of paper. */
export function ReportFigure({ title, caption, drawing, onPoint }: ReportFigureProps) {
  const scheme = useComputedColorScheme("light");
  const address = useAddress(scheme === "dark" ? drawing.dark : drawing.light);
  const save = async (format: "svg" | "png"): Promise<void> => {
    try {
      const blob =
        format === "svg"
          ? new Blob([drawing.light], { type: SVG_TYPE })
          : await rasterizeSvg(drawing.light, PNG_SCALE);
      saveBlob(blob, `${drawing.id}.${format}`);
    } catch (error) {
      notifications.show({ color: "red", title: `${title} was not saved`, message: String(error) });
    }
  };
  return (
    <>
      <Group justify="space-between" align="flex-start" wrap="nowrap" mb="xs">
        <Title order={3}>{title}</Title>
        <Menu position="bottom-end">
          <Menu.Target>
            <ActionIcon variant="subtle" aria-label={`Save ${title}`}>
              <IconDownload size={18} />
            </ActionIcon>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Item onClick={() => void save("svg")}>SVG</Menu.Item>
            <Menu.Item onClick={() => void save("png")}>PNG</Menu.Item>
          </Menu.Dropdown>
        </Menu>
      </Group>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: on a phone it scrolls, and has to be reached by keyboard */}
      <section className={classes["frame"]} aria-label={title} tabIndex={0}>
        {address && (
          // biome-ignore lint/a11y/useKeyWithClickEvents: a short cut for pointers to what sliders do
          <img
            className={classes["drawing"]}
            data-pointed={onPoint !== undefined || undefined}
            src={address}
            alt={describeDrawing(drawing.light)}
            onClick={({ currentTarget: image, nativeEvent: { offsetX, offsetY } }) => {
              const scale = image.naturalWidth / image.clientWidth;
              onPoint?.(offsetX * scale, offsetY * scale);
            }}
          />
        )}
      </section>
      <Text size="sm" c="dimmed" mt="xs" maw={820}>
        {caption}
      </Text>
    </>
  );
}

/** The words that the SVG has for those who do not see it. */
function describeDrawing(svg: string): string {
  const document = new DOMParser().parseFromString(svg, SVG_TYPE);
  const words = (name: string): string => document.querySelector(`svg > ${name}`)?.textContent ?? "";
  return `${words("title")}. ${words("desc")}`;
}

function useAddress(svg: string): string | null {
  const [address, setAddress] = useState<string | null>(null);
  useEffect(() => {
    const made = URL.createObjectURL(new Blob([svg], { type: SVG_TYPE }));
    setAddress(made);
    return () => URL.revokeObjectURL(made);
  }, [svg]);
  return address;
}
