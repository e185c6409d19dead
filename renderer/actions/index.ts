import type { Action } from './action.ts';
import { showRecordedExperiment } from './experiment.ts';
import { exportPoint, startExport } from './export.ts';
import { showFinetune } from './finetune.ts';
import { cancelJob, profileForPlan, profileTasks, resumeRun } from './jobs.ts';
import { nextTask, openModel, openTask, openTaskFile, previousTask } from './open.ts';
import { importPlan, largerFactor, pinGo, pinStay, savePlan, smallerFactor } from './plan.ts';
import { reproduceSweep, saveReport, startSweep } from './sweep.ts';
import {
  showCompare,
  showCurves,
  showDevices,
  showExport,
  showMethods,
  showPalette,
  showPrune,
  showRouting,
  showThresholds,
  themeDark,
  themeLight,
  themeSystem,
  toggleInspector,
  togglePlanHatching,
  toggleSidebar,
  toggleTable,
} from './view.ts';

/** Every action, in the order of palette and menu. */
export const actions: readonly Action[] = [
  openModel,
  openTask,
  openTaskFile,
  importPlan,
  savePlan,
  saveReport,
  profileTasks,
  profileForPlan,
  startSweep,
  cancelJob,
  resumeRun,
  reproduceSweep,
  exportPoint,
  startExport,
  showFinetune,
  showDevices,
  smallerFactor,
  largerFactor,
  pinStay,
  pinGo,
  previousTask,
  nextTask,
  showRouting,
  showPrune,
  showCurves,
  showThresholds,
  showCompare,
  showExport,
  showMethods,
  showRecordedExperiment,
  toggleTable,
  togglePlanHatching,
  toggleSidebar,
  toggleInspector,
  themeSystem,
  themeLight,
  themeDark,
  showPalette,
];
