// npm run study: all runs of the study and its report (docs/headless.md).
import { headless } from "./headless.mjs";

headless("scripts/study/main.ts");
