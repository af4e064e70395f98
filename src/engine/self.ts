/** src/lifecycle/self.ts in the executable: it is one file. */
export const selfCommand = (): readonly string[] => [process.execPath];
