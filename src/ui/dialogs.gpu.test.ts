import { MantineProvider } from "@mantine/core";
import { createElement, type ReactNode, useState } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { page, userEvent } from "vitest/browser";
import type { Outcome } from "@/contracts/failure";
import { ConfirmDialog } from "./ConfirmDialog";
import { RenameDialog } from "./RenameDialog";

const DONE: Outcome<void> = { ok: true, value: undefined };
const REFUSED: Outcome<void> = {
  ok: false,
  failure: { code: "storage/missing", message: "It is gone.", remedy: "Reload the list." },
};

let root: Root;
let place: HTMLElement;
beforeEach(() => {
  place = document.body.appendChild(document.createElement("div"));
  root = createRoot(place);
});
afterEach(() => {
  root.unmount();
  place.remove();
});

/** A page with a button that opens the dialog. */
function Opener({ dialog }: { readonly dialog: (onClose: () => void) => ReactNode }) {
  const [open, setOpen] = useState(false);
  return createElement(
    MantineProvider,
    null,
    createElement("button", { type: "button", onClick: () => setOpen(true) }, "Open"),
    open && dialog(() => setOpen(false)),
  );
}

const dialog = page.getByRole("dialog");
const open = async (content: (onClose: () => void) => ReactNode): Promise<void> => {
  root.render(createElement(Opener, { dialog: content }));
  await page.getByRole("button", { name: "Open" }).click();
  await expect.element(dialog).toBeVisible();
};
const expectClosed = async (): Promise<void> => {
  await expect.element(dialog).not.toBeInTheDocument();
  await expect.element(page.getByRole("button", { name: "Open" })).toHaveFocus();
};

describe("RenameDialog", () => {
  const rename = (onRename: (name: string) => Promise<Outcome<void>>) =>
    open((onClose) => createElement(RenameDialog, { title: "Rename it", name: "old", onRename, onClose }));

  it("replaces the name by what is typed, Enter renames, and the focus goes back", async () => {
    const onRename = vi.fn(async () => DONE);
    await rename(onRename);
    await expect.element(page.getByRole("textbox")).toHaveFocus();
    await userEvent.keyboard(" new {Enter}");
    await expectClosed();
    expect(onRename.mock.calls).toEqual([["new"]]);
  });

  it("closes on Escape without renaming", async () => {
    const onRename = vi.fn(async () => DONE);
    await rename(onRename);
    await expect.element(page.getByRole("textbox")).toHaveFocus();
    await userEvent.keyboard("new{Escape}");
    await expectClosed();
    expect(onRename).not.toHaveBeenCalled();
  });

  it("takes no empty name", async () => {
    const onRename = vi.fn(async () => DONE);
    await rename(onRename);
    await page.getByRole("textbox").fill("  ");
    await userEvent.keyboard("{Enter}");
    await expect.element(page.getByRole("button", { name: "Rename" })).toBeDisabled();
    expect(onRename).not.toHaveBeenCalled();
  });

  it("stays open with what went wrong", async () => {
    await rename(async () => REFUSED);
    await expect.element(page.getByRole("textbox")).toHaveFocus();
    await userEvent.keyboard("{Enter}");
    await expect.element(page.getByRole("alert")).toHaveTextContent("Not renamed");
    await expect.element(page.getByRole("alert")).toHaveTextContent("It is gone.");
  });
});

describe("ConfirmDialog", () => {
  const confirm = (onConfirm: () => Promise<Outcome<void>> | undefined) =>
    open((onClose) =>
      createElement(ConfirmDialog, {
        title: "Delete it?",
        confirm: "Delete",
        refuse: "Keep it",
        failed: "Not deleted",
        onConfirm,
        onClose,
        // biome-ignore lint/correctness/noChildrenProp: the type asks for children, and a .ts file has no JSX.
        children: "It will be gone.",
      }),
    );

  it("does nothing on Enter alone: the focus is on the way out", async () => {
    const onConfirm = vi.fn(async () => DONE);
    await confirm(onConfirm);
    await expect.element(page.getByRole("button", { name: "Keep it" })).toHaveFocus();
    await userEvent.keyboard("{Enter}");
    await expectClosed();
    expect(onConfirm).not.toHaveBeenCalled();
  });

  it("does it once and cannot be closed in the middle", async () => {
    let finish: (outcome: Outcome<void>) => void = () => {};
    const onConfirm = vi.fn(() => new Promise<Outcome<void>>((resolve) => (finish = resolve)));
    await confirm(onConfirm);
    await page.getByRole("button", { name: "Delete" }).click();
    await userEvent.keyboard("{Escape}");
    await expect.element(dialog).toBeVisible();
    finish(DONE);
    await expectClosed();
    expect(onConfirm).toHaveBeenCalledOnce();
  });

  it("stays open with what went wrong, also when it was thrown", async () => {
    const onConfirm = vi
      .fn<() => Promise<Outcome<void>>>()
      .mockRejectedValueOnce(new Error("The worker ended."))
      .mockResolvedValueOnce(REFUSED);
    await confirm(onConfirm);
    await page.getByRole("button", { name: "Delete" }).click();
    await expect.element(page.getByRole("alert")).toHaveTextContent("The worker ended.");
    await page.getByRole("button", { name: "Delete" }).click();
    await expect.element(page.getByRole("alert")).toHaveTextContent("It is gone.");
    await userEvent.keyboard("{Escape}");
    await expectClosed();
  });

  it("closes at once after what cannot fail", async () => {
    await confirm(() => undefined);
    await page.getByRole("button", { name: "Delete" }).click();
    await expectClosed();
  });
});
