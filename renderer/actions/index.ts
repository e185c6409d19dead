import type { Action } from './action.ts';
import { cancelJob } from './cancel-job.ts';
import { exportPoint } from './export-point.ts';
import { importPlan } from './import-plan.ts';
import { largerFactor } from './larger-factor.ts';
import { nextTask } from './next-task.ts';
import { openModel } from './open-model.ts';
import { openTask } from './open-task.ts';
import { openTaskFile } from './open-task-file.ts';
import { previousTask } from './previous-task.ts';
import { pinGo } from './pin-go.ts';
import { pinStay } from './pin-stay.ts';
import { profileForPlan } from './profile-for-plan.ts';
import { profileTasks } from './profile-tasks.ts';
import { reproduceSweep } from './reproduce-sweep.ts';
import { resumeRun } from './resume-run.ts';
import { savePlan } from './save-plan.ts';
import { saveReport } from './save-report.ts';
import { showCompare } from './show-compare.ts';
import { showCurves } from './show-curves.ts';
import { showDevices } from './show-devices.ts';
import { showExport } from './show-export.ts';
import { showMethods } from './show-methods.ts';
import { showPalette } from './show-palette.ts';
import { showPrune } from './show-prune.ts';
import { showRouting } from './show-routing.ts';
import { showThresholds } from './show-thresholds.ts';
import { smallerFactor } from './smaller-factor.ts';
import { startExport } from './start-export.ts';
import { startSweep } from './start-sweep.ts';
import { themeDark } from './theme-dark.ts';
import { themeLight } from './theme-light.ts';
import { themeSystem } from './theme-system.ts';
import { toggleInspector } from './toggle-inspector.ts';
import { togglePlanHatching } from './toggle-plan-hatching.ts';
import { toggleSidebar } from './toggle-sidebar.ts';
import { toggleTable } from './toggle-table.ts';

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
  toggleTable,
  togglePlanHatching,
  toggleSidebar,
  toggleInspector,
  themeSystem,
  themeLight,
  themeDark,
  showPalette,
];
