/** Lets messages that wait be heard first: results of CPU engines come back without a turn of the event loop. */
export const nextTask = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));
