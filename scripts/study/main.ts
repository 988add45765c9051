import { runCommand } from "../bench/command";
import { parseStudy, STUDY_HELP } from "./options";

process.exit(await runCommand("study", STUDY_HELP, parseStudy));
