import {
  Accordion,
  Alert,
  Anchor,
  Badge,
  Button,
  Card,
  type CSSVariablesResolver,
  createTheme,
  defaultVariantColorsResolver,
  type MantineColorsTuple,
  NumberInput,
  Paper,
  Table,
  Tooltip,
} from "@mantine/core";

/** Cyan-teal, the one accent: the glow of a lightbox. */
const lab: MantineColorsTuple = [
  "#e4f7f7",
  "#c9eeef",
  "#97dfe2",
  "#62d0d5",
  "#3acad1",
  "#2cc4cb",
  "#159aa2",
  "#0b7a82",
  "#08646b",
  "#064b51",
];

/** Blue-black slate, the reading room with the lights down. 0 is text, 7 the page, 6 a surface. */
const dark: MantineColorsTuple = [
  "#dde6ec",
  "#b6c4ce",
  "#8fa1ae",
  "#6b7f8d",
  "#2e3d49",
  "#22303a",
  "#151f28",
  "#0d151c",
  "#0a1117",
  "#060b10",
];

/** Cool greys for the light scheme; 6 is dimmed text (5:1 on the page). */
const gray: MantineColorsTuple = [
  "#f5f8f9",
  "#ecf1f3",
  "#e1e8ec",
  "#d2dce2",
  "#bccad2",
  "#8c9eaa",
  "#566975",
  "#3f505c",
  "#293844",
  "#16222b",
];

export const theme = createTheme({
  colors: { lab, dark, gray },
  primaryColor: "lab",
  primaryShade: { light: 7, dark: 5 },
  variantColorResolver: (input) => {
    const colours = defaultVariantColorsResolver(input);
    if (input.variant !== "filled") return colours;
    // White on the light scheme's accent, near-black on the dark scheme's brighter one.
    if (input.color === undefined || input.color === "lab")
      return { ...colours, color: "var(--lab-on-accent)" };
    // The default red carries white text at 3.6:1 only.
    if (input.color === "red")
      return {
        ...colours,
        background: "var(--mantine-color-red-9)",
        hover: "var(--mantine-color-red-8)",
        color: "#ffffff",
      };
    return colours;
  },
  white: "#ffffff",
  black: "#16222b",
  defaultRadius: "md",
  cursorType: "pointer",
  respectReducedMotion: true,
  fontFamily: 'Inter, "Segoe UI", system-ui, -apple-system, Roboto, "Helvetica Neue", Arial, sans-serif',
  fontFamilyMonospace: 'ui-monospace, "SF Mono", "Cascadia Code", "Roboto Mono", Menlo, monospace',
  headings: {
    fontWeight: "650",
    sizes: {
      h1: { fontSize: "1.75rem", lineHeight: "1.2" },
      h2: { fontSize: "1.2rem", lineHeight: "1.3" },
      h3: { fontSize: "1rem", lineHeight: "1.4" },
    },
  },
  radius: { xs: "4px", sm: "6px", md: "10px", lg: "14px", xl: "20px" },
  components: {
    Accordion: Accordion.extend({
      styles: { item: { backgroundColor: "var(--lab-surface)", border: "1px solid var(--lab-line)" } },
    }),
    Alert: Alert.extend({ defaultProps: { radius: "md", variant: "light" } }),
    Anchor: Anchor.extend({ defaultProps: { underline: "always" } }),
    Badge: Badge.extend({ defaultProps: { variant: "light", radius: "sm", tt: "none", fw: 550 } }),
    Button: Button.extend({ defaultProps: { fw: 600 } }),
    Card: Card.extend({
      defaultProps: { withBorder: true, padding: "lg" },
      styles: { root: { backgroundColor: "var(--lab-surface)", borderColor: "var(--lab-line)" } },
    }),
    NumberInput: NumberInput.extend({ defaultProps: { hideControls: true } }),
    Paper: Paper.extend({
      styles: { root: { backgroundColor: "var(--lab-surface)", borderColor: "var(--lab-line)" } },
    }),
    Table: Table.extend({ defaultProps: { verticalSpacing: "sm" } }),
    Tooltip: Tooltip.extend({ defaultProps: { withArrow: true, multiline: true, maw: 320, openDelay: 250 } }),
  },
});

/** Colours that screens and charts share, one set a scheme. `--lab-series-N` are told apart by people who see red and green alike. */
export const cssVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    "--mantine-color-body": "#f5f8f9",
    "--mantine-color-dimmed": "#566975",
    "--mantine-color-placeholder": "#667985",
    "--mantine-color-error": "#b42318",
    "--mantine-color-anchor": "#0a6b73",
    "--lab-surface": "#ffffff",
    "--lab-sunken": "#ecf1f3",
    "--lab-line": "#d9e2e7",
    "--lab-accent": "#0b7a82",
    "--lab-on-accent": "#ffffff",
    "--lab-accent-soft": "#e0f4f4",
    "--lab-accent-ink": "#075a61",
    "--lab-good": "#0b7a53",
    "--lab-warn": "#94540a",
    "--lab-warn-soft": "#fdf1dd",
    "--lab-bad": "#b42318",
    "--lab-bad-soft": "#fdeceb",
    "--lab-grid": "#e4eaee",
    "--lab-ink": "#16222b",
    "--lab-series-1": "#0b7a82",
    "--lab-series-2": "#c2570c",
    "--lab-series-3": "#5b4bc4",
    "--lab-series-4": "#a3266b",
    "--lab-series-5": "#4d7c0f",
    "--lab-series-6": "#1d5fbf",
  },
  dark: {
    "--mantine-color-body": "#0d151c",
    "--mantine-color-dimmed": "#9aabb7",
    "--mantine-color-placeholder": "#8497a4",
    "--mantine-color-error": "#ff9b92",
    "--mantine-color-anchor": "#62d0d5",
    "--lab-surface": "#131c25",
    "--lab-sunken": "#0a1117",
    "--lab-line": "#24323d",
    "--lab-accent": "#2cc4cb",
    "--lab-on-accent": "#04242a",
    "--mantine-primary-color-contrast": "#04242a",
    "--lab-accent-soft": "#0f2c32",
    "--lab-accent-ink": "#8fe3e6",
    "--lab-good": "#5bd6a0",
    "--lab-warn": "#f0b35a",
    "--lab-warn-soft": "#2c2313",
    "--lab-bad": "#ff9b92",
    "--lab-bad-soft": "#321a1b",
    "--lab-grid": "#1d2933",
    "--lab-ink": "#dde6ec",
    "--lab-series-1": "#2cc4cb",
    "--lab-series-2": "#f59e4c",
    "--lab-series-3": "#a99bff",
    "--lab-series-4": "#f17fb8",
    "--lab-series-5": "#a3d04d",
    "--lab-series-6": "#74aef7",
  },
});
