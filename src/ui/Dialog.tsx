import { Modal, type ModalProps } from "@mantine/core";
import classes from "./Dialog.module.css";

export interface DialogProps {
  readonly title: string;
  readonly size?: ModalProps["size"];
  readonly onClose: () => void;
  readonly children: ModalProps["children"];
}

/** A dialog over the page. It is open as long as it is rendered; Escape, the cross and a click outside ask to close it. */
export function Dialog({ title, size = "md", onClose, children }: DialogProps) {
  return (
    <Modal
      opened
      onClose={onClose}
      title={title}
      size={size}
      closeButtonProps={{ "aria-label": "Close" }}
      // Mantine's header element would count as a second banner of the page.
      attributes={{ header: { role: "presentation" } }}
      classNames={{
        content: classes["content"] ?? "",
        header: classes["header"] ?? "",
        title: classes["title"] ?? "",
      }}
    >
      {children}
    </Modal>
  );
}
