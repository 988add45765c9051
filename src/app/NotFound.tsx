import { Button } from "@mantine/core";
import { IconMapOff } from "@tabler/icons-react";
import { Link } from "wouter";
import { EmptyPanel } from "@/ui/EmptyPanel";
import { PageHeader } from "@/ui/PageHeader";

/** An address that the lab does not know. */
export function NotFound() {
  return (
    <>
      <PageHeader title="No such page" lead="The address does not belong to a screen of the lab." />
      <EmptyPanel
        icon={<IconMapOff size={28} />}
        title="Nothing here"
        text="The link may be old or mistyped. Nothing stored is lost."
      >
        <Button component={Link} href="/">
          Go to the start
        </Button>
      </EmptyPanel>
    </>
  );
}
