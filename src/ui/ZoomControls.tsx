import { ActionIcon, Button, Group, Tooltip } from "@mantine/core";
import { IconMinus, IconPlus } from "@tabler/icons-react";
import { MAX_SCALE, WHOLE_IMAGE, type Zoom, zoomAt } from "./zoom";

const STEP = 1.5;

/** Zoom out, the scale (pressed: whole image), zoom in. */
export function ZoomControls({
  zoom,
  onZoom,
}: {
  readonly zoom: Zoom;
  readonly onZoom: (zoom: Zoom) => void;
}) {
  return (
    <Group gap={4} wrap="nowrap">
      <ActionIcon
        variant="default"
        size="md"
        aria-label="Zoom out"
        disabled={zoom.scale <= 1}
        onClick={() => onZoom(zoomAt(zoom, 1 / STEP, 0.5, 0.5))}
      >
        <IconMinus size={16} />
      </ActionIcon>
      <Tooltip label="Show the whole image">
        <Button
          variant="default"
          size="compact-sm"
          h={28}
          miw={58}
          aria-label={`Zoom ${zoom.scale.toFixed(1)} times; show the whole image`}
          onClick={() => onZoom(WHOLE_IMAGE)}
        >
          {zoom.scale.toFixed(1)}×
        </Button>
      </Tooltip>
      <ActionIcon
        variant="default"
        size="md"
        aria-label="Zoom in"
        disabled={zoom.scale >= MAX_SCALE}
        onClick={() => onZoom(zoomAt(zoom, STEP, 0.5, 0.5))}
      >
        <IconPlus size={16} />
      </ActionIcon>
    </Group>
  );
}
