// The programs with which the interop tests load exports: Python's, llama.cpp and vLLM. Prints {environment} or
// {absent} as JSON, and installs on first use; a program of its own, so that other tests run meanwhile.
import { findLlamaCpp } from './llama-cpp-environment.mjs';
import { findPython } from './python-environment.mjs';
import { findVllm } from './vllm-environment.mjs';

const python = findPython();
/** Without Python none of these tests run; without llama.cpp or vLLM, those that need them say so. */
const host = python.environment
  ? { environment: { ...python.environment, ...findLlamaCpp(), ...findVllm() } }
  : { absent: python.absent };
process.stdout.write(`${JSON.stringify(host)}\n`);
