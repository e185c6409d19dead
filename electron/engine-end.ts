import { endingReason } from '../main/contract/process-end.ts';

/** How the engine's process ended, in words for the dialog. */
export interface EngineEnd {
  readonly message: string;
  readonly detail: string;
}

/** `said`: its last report, if any; `errors`: the end of its standard error. */
export const describeEngineEnd = (
  code: number,
  said: { readonly message: string; readonly remedy: string } | null,
  errors: string,
): EngineEnd => {
  const safe = 'Runs keep every finished step; a job that was running can be resumed.';
  if (said !== null) return { message: said.message, detail: `${said.remedy}\n\n${safe}` };
  return {
    message: `The engine stopped (exit code ${code}): ${endingReason(code)}.`,
    detail: [safe, errors.trim()].filter((text) => text !== '').join('\n\n'),
  };
};
