import { Badge, Group, Loader, Text } from "@mantine/core";
import { memo, type ReactNode } from "react";
import type { GreyImage } from "@/contracts/workers";
import { GreyCanvas } from "./GreyCanvas";
import classes from "./ImagePane.module.css";
import { ZoomLayer, ZoomView } from "./ZoomView";
import type { Zoom } from "./zoom";

/** From this scale on single pixels are what one wants to see. */
export const PIXEL_SCALE = 3;

export interface ImagePaneProps {
  readonly title: string;
  readonly badge?: string | undefined;
  /** Null: not there yet. */
  readonly image: GreyImage | null;
  /** Proportions of the place while there is no image. */
  readonly aspect: number;
  readonly zoom: Zoom;
  readonly onZoom: (zoom: Zoom) => void;
  /** A newer picture is being made. */
  readonly busy?: boolean;
  /** A line under the picture. */
  readonly note?: ReactNode;
}

/** A titled, zoomable grey image. Renders when its props change, which a slider beside it need not do. */
export const ImagePane = memo(function ImagePane({
  title,
  badge,
  image,
  aspect,
  zoom,
  onZoom,
  busy = false,
  note,
}: ImagePaneProps) {
  return (
    <figure className={classes["pane"]}>
      <Group component="figcaption" gap="xs" mih={26} wrap="nowrap">
        <Text fw={600} size="sm">
          {title}
        </Text>
        {badge && <Badge color="violet">{badge}</Badge>}
        {busy && <Loader size={14} aria-label={`${title}: being made`} />}
      </Group>
      <ZoomView
        label={title}
        zoom={zoom}
        onZoom={onZoom}
        aspect={image ? image.width / image.height : aspect}
      >
        {image && (
          <ZoomLayer zoom={zoom}>
            <GreyCanvas
              width={image.width}
              height={image.height}
              data={image.data}
              label={title}
              pixelated={zoom.scale >= PIXEL_SCALE}
            />
          </ZoomLayer>
        )}
      </ZoomView>
      {note !== undefined && (
        <Text component="div" size="sm" className={classes["note"]}>
          {note}
        </Text>
      )}
    </figure>
  );
});
