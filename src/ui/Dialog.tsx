import { Modal, type ModalProps } from "@mantine/core";
import { type RefObject, useEffect } from "react";
import classes from "./Dialog.module.css";

export interface DialogProps {
  readonly title: string;
  readonly size?: ModalProps["size"];
  readonly onClose: () => void;
  /** What takes the focus back, where that is not what had it before: a menu's item is gone by then. */
  readonly opener?: RefObject<HTMLElement | null> | undefined;
  readonly children: ModalProps["children"];
}

/** Gives the focus back when the dialog is gone. Mantine does so only for a modal that is closed before it is removed. */
function useFocusBack(opener: RefObject<HTMLElement | null> | undefined): void {
  useEffect(() => {
    const before = document.activeElement;
    return () => {
      const target = opener?.current ?? before;
      if (target instanceof HTMLElement && target.isConnected) target.focus({ preventScroll: true });
    };
  }, [opener]);
}

/** A dialog over the page. It is open as long as it is rendered; Escape, the cross and a click outside ask to close it. */
export function Dialog({ title, size = "md", onClose, opener, children }: DialogProps) {
  useFocusBack(opener);
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
