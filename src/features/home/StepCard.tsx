import { Card, Text } from "@mantine/core";
import type { ReactNode } from "react";
import { Link } from "wouter";
import classes from "./StepCard.module.css";

export interface StepCardProps {
  readonly href: string;
  readonly icon: ReactNode;
  readonly title: string;
  readonly text: string;
}

/** A large link to another screen. */
export function StepCard({ href, icon, title, text }: StepCardProps) {
  return (
    <Card component={Link} href={href} className={classes["card"] ?? ""}>
      <span className={classes["icon"]} aria-hidden="true">
        {icon}
      </span>
      <Text fw={650} mt="sm">
        {title}
      </Text>
      <Text size="sm" c="dimmed" mt={2}>
        {text}
      </Text>
    </Card>
  );
}
