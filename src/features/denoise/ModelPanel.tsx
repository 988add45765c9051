import { ActionIcon, Alert, Button, Group, Stack, Text } from "@mantine/core";
import { IconFlask2, IconPencil, IconTrash, IconUpload } from "@tabler/icons-react";
import { useRef, useState } from "react";
import type { ModelSummary } from "@/contracts/run";
import { chooseModel, deleteModel, renameModel } from "@/state/denoise";
import { ConfirmDialog } from "@/ui/ConfirmDialog";
import { formatBytes, formatTime } from "@/ui/format";
import { ModelSelect } from "@/ui/ModelSelect";
import { RenameDialog } from "@/ui/RenameDialog";

export interface ModelPanelProps {
  readonly models: readonly ModelSummary[];
  readonly synthetic: ReadonlySet<string>;
  readonly modelId: string | null;
  readonly onFile: (file: File) => void;
  readonly importing: boolean;
}

/** Which model denoises, what it learned from, and bringing one in from a file. */
export function ModelPanel({ models, synthetic, modelId, onFile, importing }: ModelPanelProps) {
  const [dialog, setDialog] = useState<"rename" | "delete" | null>(null);
  const model = models.find(({ id }) => id === modelId);
  const close = () => setDialog(null);
  return (
    <Stack gap="sm">
      <ModelSelect
        label="Model"
        placeholder="Choose a model"
        models={models}
        synthetic={synthetic}
        value={modelId}
        onChange={chooseModel}
      />
      {model && (
        <Text size="xs" c="dimmed">
          {formatBytes(model.byteLength)}, {formatTime(model.createdAt)}
          {model.noise === null && ", trained for a noise that the file does not tell"}
        </Text>
      )}
      {model && synthetic.has(model.id) && (
        <Alert color="violet" icon={<IconFlask2 aria-hidden />} p="sm">
          Learned from synthetic phantoms only. On real X-rays it shows the method, not what a model trained
          on X-rays can do.
        </Alert>
      )}
      <Group gap={6}>
        <WeightFileButton onFile={onFile} loading={importing} compact />
        {model && (
          <>
            <ActionIcon
              variant="subtle"
              aria-label={`Rename ${model.name}`}
              onClick={() => setDialog("rename")}
            >
              <IconPencil size={16} />
            </ActionIcon>
            <ActionIcon
              variant="subtle"
              color="red"
              aria-label={`Delete ${model.name}`}
              onClick={() => setDialog("delete")}
            >
              <IconTrash size={16} />
            </ActionIcon>
          </>
        )}
      </Group>
      {model && dialog === "rename" && (
        <RenameDialog
          title="Rename model"
          name={model.name}
          onRename={(name) => renameModel(model.id, name)}
          onClose={close}
        />
      )}
      {model && dialog === "delete" && (
        <ConfirmDialog
          title={`Delete “${model.name}”?`}
          confirm="Delete"
          refuse="Keep it"
          failed="Not deleted"
          onConfirm={() => deleteModel(model.id)}
          onClose={close}
        >
          {model.kind === "imported"
            ? "The weights will be removed from this browser; your file stays where it is."
            : "These weights will be removed from this browser. Export the run first if you want to keep them."}
        </ConfirmDialog>
      )}
    </Stack>
  );
}

/** Opens a file of weights, safetensors or PyTorch's own. */
export function WeightFileButton({
  onFile,
  loading,
  compact = false,
}: {
  readonly onFile: (file: File) => void;
  readonly loading: boolean;
  readonly compact?: boolean;
}) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <Button
        variant={compact ? "subtle" : "default"}
        size={compact ? "compact-sm" : "sm"}
        loading={loading}
        leftSection={<IconUpload size={compact ? 15 : 18} aria-hidden />}
        onClick={() => input.current?.click()}
      >
        {compact ? "Import weights" : "Import weights (.safetensors, .pth)"}
      </Button>
      <input
        ref={input}
        type="file"
        accept=".safetensors,.pth,.pt"
        hidden
        aria-label="Weight file"
        data-testid="weights-input"
        onChange={(event) => {
          const file = event.currentTarget.files?.[0];
          event.currentTarget.value = "";
          if (file) onFile(file);
        }}
      />
    </>
  );
}
