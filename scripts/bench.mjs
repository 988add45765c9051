// npm run bench: headless runs (docs/headless.md).
import { headless } from "./headless.mjs";

headless("scripts/bench/main.ts");
