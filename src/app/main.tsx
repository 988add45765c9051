import "@mantine/core/styles.css";
import "@mantine/notifications/styles.css";
import "@/ui/global.css";
import { MantineProvider } from "@mantine/core";
import { Notifications } from "@mantine/notifications";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { cssVariables, theme } from "@/ui/theme";
import { App } from "./App";
import { installAutomation } from "./automation";
import { ErrorBoundary } from "./ErrorBoundary";

const root = document.getElementById("root");
if (root) {
  installAutomation();
  createRoot(root).render(
    <StrictMode>
      <MantineProvider theme={theme} cssVariablesResolver={cssVariables} defaultColorScheme="auto">
        <Notifications position="bottom-right" limit={3} />
        <ErrorBoundary>
          <App />
        </ErrorBoundary>
      </MantineProvider>
    </StrictMode>,
  );
}
