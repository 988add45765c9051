import { Anchor, Group } from "@mantine/core";
import {
  IconChartLine,
  IconCpu2,
  IconDatabase,
  IconHome2,
  IconListDetails,
  IconReportAnalytics,
  IconSparkles,
  IconWaveSawTool,
} from "@tabler/icons-react";
import { type ReactNode, useEffect, useRef } from "react";
import { Link, useLocation } from "wouter";
import { EngineBadge } from "./EngineBadge";
import { LocalBadge } from "./LocalBadge";
import { RunPill } from "./RunPill";
import { SchemeSwitch } from "./SchemeSwitch";
import classes from "./Shell.module.css";

const PLACES = [
  { href: "/", label: "Start", icon: IconHome2, aside: false },
  { href: "/datasets", label: "Datasets", icon: IconDatabase, aside: false },
  { href: "/noise", label: "Noise", icon: IconWaveSawTool, aside: false },
  { href: "/train", label: "Train", icon: IconChartLine, aside: false },
  { href: "/runs", label: "Runs", icon: IconListDetails, aside: false },
  { href: "/report", label: "Report", icon: IconReportAnalytics, aside: false },
  { href: "/denoise", label: "Denoise", icon: IconSparkles, aside: false },
  // For the curious: set apart, and on a small screen only behind the badge of the adapter.
  { href: "/engine", label: "Engine", icon: IconCpu2, aside: true },
] as const;

const isHere = (location: string, href: string): boolean =>
  href === "/" ? location === "/" : location === href || location.startsWith(`${href}/`);

/** Header, navigation and the place for a screen. Below 900 px the navigation is a bar at the bottom. */
export function Shell({ children }: { readonly children: ReactNode }) {
  const [location] = useLocation();
  const main = useRef<HTMLElement>(null);
  const shown = useRef(location);
  useEffect(() => {
    if (shown.current === location) return;
    shown.current = location;
    // A new screen is read from its beginning, by eye and by screen reader.
    window.scrollTo(0, 0);
    main.current?.focus({ preventScroll: true });
  }, [location]);

  return (
    <div className={classes["shell"]}>
      <a className={classes["skip"]} href="#main">
        Skip to the content
      </a>
      <header className={classes["header"]}>
        <div className={classes["bar"]}>
          <Anchor component={Link} href="/" className={classes["brand"]} underline="never">
            <img src="/icon.svg" alt="" width={28} height={28} />
            <span>Denoise Lab</span>
          </Anchor>
          <nav className={classes["nav"]} aria-label="Screens">
            {PLACES.map(({ href, label, icon: Icon, aside }) => (
              <Link
                key={href}
                href={href}
                className={classes["place"] ?? ""}
                data-aside={aside || undefined}
                aria-current={isHere(location, href) ? "page" : undefined}
              >
                <Icon size={20} stroke={1.7} aria-hidden="true" />
                <span>{label}</span>
              </Link>
            ))}
          </nav>
          <Group gap={6} wrap="nowrap" className={classes["tools"] ?? ""}>
            <RunPill />
            <EngineBadge />
            <LocalBadge />
            <SchemeSwitch />
          </Group>
        </div>
      </header>
      <main id="main" ref={main} tabIndex={-1} className={classes["main"]}>
        {children}
      </main>
    </div>
  );
}
