import { expose } from "comlink";
import { EngineLab } from "./engine/lab";

expose(new EngineLab());
