import { probeEnd, type ProbeEnd } from './device.ts';

/** The process of a probe, whatever host started it. */
export interface ProbeChild {
  onMessage(listener: (message: unknown) => void): void;
  /** Called once: with the exit code, or the name of the signal that ended it. */
  onExit(listener: (end: number | string) => void): void;
  /** Called where the process could not be started; `onExit` may not follow then. */
  onError(listener: (error: Error) => void): void;
  onErrorOutput(listener: (text: string) => void): void;
  kill(): void;
}

/** Longest time for a probe: compiling a provider's kernels takes seconds on a slow driver. */
export const PROBE_LIMIT_MS = 90_000;
/** Characters of the error output to include in a reason. */
const ERRORS_KEPT = 1_000;

/** Waits for a probe's answer or end, whichever comes first; the process has ended (or been signalled) afterwards. */
export const followProbe = (child: ProbeChild, limitMs: number = PROBE_LIMIT_MS): Promise<ProbeEnd> =>
  new Promise((resolve) => {
    let errors = '';
    const settle = (end: ProbeEnd): void => {
      clearTimeout(limit);
      child.kill();
      resolve(end);
    };
    const lost = (what: string): void => {
      const said = errors.trim();
      settle({ kind: 'lost', message: said === '' ? what : `${what} Its output: ${said}` });
    };
    const limit = setTimeout(
      () => lost(`The probe's process did not answer within ${limitMs / 1000} seconds.`),
      limitMs,
    );
    child.onErrorOutput((text) => {
      errors = `${errors}${text}`.slice(-ERRORS_KEPT);
    });
    child.onMessage((raw) => {
      const message = probeEnd.safeParse(raw);
      if (message.success) settle(message.data);
      else lost("The probe's process sent a message that this version does not know.");
    });
    child.onError((error) => lost(`The probe's process could not be started: ${error.message}.`));
    child.onExit((end) =>
      lost(`The probe's process ended without an answer (${typeof end === 'number' ? `exit code ${end}` : end}).`),
    );
  });
