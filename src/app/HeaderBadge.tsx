import { Popover, UnstyledButton } from "@mantine/core";
import { type ReactNode, useState } from "react";
import classes from "./HeaderBadge.module.css";

export interface HeaderBadgeProps {
  readonly icon: ReactNode;
  /** Hidden where there is little room; the icon stays. */
  readonly text: string;
  /** What the button is about, for screen readers. */
  readonly label: string;
  readonly tone?: "quiet" | "warn";
  /** The explanation that opens; `close` is for a link in it. */
  readonly children: ReactNode | ((close: () => void) => ReactNode);
}

/** A small permanent fact in the header that explains itself on request. */
export function HeaderBadge({ icon, text, label, tone = "quiet", children }: HeaderBadgeProps) {
  const [opened, setOpened] = useState(false);
  return (
    <Popover
      width={320}
      position="bottom-end"
      withArrow
      shadow="md"
      trapFocus
      opened={opened}
      onChange={setOpened}
    >
      <Popover.Target>
        <UnstyledButton
          className={classes["badge"]}
          data-tone={tone}
          aria-label={label}
          onClick={() => setOpened(!opened)}
        >
          <span className={classes["icon"]} aria-hidden="true">
            {icon}
          </span>
          <span className={classes["text"]}>{text}</span>
        </UnstyledButton>
      </Popover.Target>
      <Popover.Dropdown tabIndex={-1} data-autofocus aria-label={label}>
        {typeof children === "function" ? children(() => setOpened(false)) : children}
      </Popover.Dropdown>
    </Popover>
  );
}
