import { runCommand } from "./command";
import { HELP, parseCommand } from "./options";

process.exit(await runCommand("bench", HELP, parseCommand));
