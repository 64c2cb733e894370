/**
 * A real Slurm of two nodes on this machine, from Debian's packages slurm-wlm and munge: munged, slurmctld and two slurmd on
 * loopback, without systemd and without accounting, in a folder of its own.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileAppears } from '../conducted/file-appears.ts';

export interface Cluster {
  readonly folder: string;
  /** What commands need in their environment to talk to it. */
  readonly environment: Readonly<Record<string, string>>;
  /** Kills a node's daemon and what runs on it, as a power failure would. */
  readonly failNode: (name: 'one' | 'two') => void;
  readonly restoreNode: (name: 'one' | 'two') => Promise<void>;
  readonly stop: () => void;
}

/** Why there can be no cluster here, or null. */
export function whyNoCluster(): string | null {
  for (const command of ['slurmctld', 'slurmd', 'munged', 'sbatch']) {
    if (spawnSync('which', [command]).status !== 0)
      return `${command} is missing: apt-get install slurm-wlm munge`;
  }
  return process.getuid?.() === 0 ? null : 'the daemons of the test cluster run as root';
}

export async function startCluster(): Promise<Cluster> {
  const folder = mkdtempSync(join(tmpdir(), 'ravelin-slurm-'));
  chmodSync(folder, 0o755);
  for (const name of ['state', 'spool-one', 'spool-two', 'log', 'munge']) mkdirSync(join(folder, name));
  const port = 20_000 + (process.pid % 20_000);
  const configuration = join(folder, 'slurm.conf');
  writeFileSync(configuration, slurmConfiguration(folder, port));
  const environment = { SLURM_CONF: configuration };
  const daemons = new Map<string, ChildProcess>();
  const start = (name: string, command: string, parameters: readonly string[]): void => {
    const child = spawn(command, parameters, {
      stdio: 'ignore',
      detached: true,
      env: { ...process.env, ...environment },
    });
    daemons.set(name, child);
  };
  writeFileSync(join(folder, 'munge', 'key'), randomBytes(1024), { mode: 0o400 });
  start('munged', 'munged', [
    '--foreground',
    '--force',
    `--key-file=${folder}/munge/key`,
    `--socket=${folder}/munge.socket`,
    `--pid-file=${folder}/munge/pid`,
    `--log-file=${folder}/log/munge.log`,
    `--seed-file=${folder}/munge/seed`,
  ]);
  await fileAppears(`${folder}/munge.socket`);
  const startNode = (name: string): void => start(name, 'slurmd', ['-D', '-N', name]);
  start('slurmctld', 'slurmctld', ['-D', '-i']);
  startNode('one');
  startNode('two');

  const nodes = (): string =>
    spawnSync('sinfo', ['-h', '-N', '-o', '%N %T'], {
      env: { ...process.env, ...environment },
      encoding: 'utf8',
    }).stdout;
  const idle = async (count: number): Promise<void> => {
    // The scheduler has no events, so this asks until it is so. A daemon that has ended cannot become so.
    while ((nodes().match(/ (idle|mixed|allocated)$/gm) ?? []).length < count) {
      const ended = [...daemons].filter(([, child]) => child.exitCode !== null).map(([name]) => name);
      if (ended.length > 0)
        throw new Error(`${ended.join(', ')} ended: ${nodes()}${tail(`${folder}/log/ctld.log`)}`);
      await sleep(200);
    }
  };
  await idle(2);
  return {
    folder,
    environment,
    failNode(name) {
      daemons.get(name)?.kill('SIGKILL');
      for (const pid of processesOn(name, folder)) kill(pid);
    },
    async restoreNode(name) {
      startNode(name);
      spawnSync('scontrol', ['update', `nodename=${name}`, 'state=resume'], {
        env: { ...process.env, ...environment },
      });
      await idle(2);
    },
    stop() {
      spawnSync('scancel', ['--user=root'], { env: { ...process.env, ...environment } });
      for (const child of daemons.values()) child.kill('SIGKILL');
      spawnSync('pkill', ['-KILL', '-f', folder]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** What runs on a node: Slurm gives each of its processes the node's name. */
function processesOn(node: string, folder: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const environment = readFileSync(`/proc/${pid}/environ`, 'utf8');
        return environment.includes(`SLURMD_NODENAME=${node}\0`) && environment.includes(folder);
      } catch {
        return false;
      }
    });
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone meanwhile.
  }
}

function tail(path: string): string {
  try {
    return `\n${readFileSync(path, 'utf8').split('\n').slice(-15).join('\n')}`;
  } catch {
    return '';
  }
}

function slurmConfiguration(folder: string, port: number): string {
  const host = hostname();
  const version = execFileSync('slurmctld', ['-V'], { encoding: 'utf8' });
  return `# ${version.trim()}
ClusterName=ravelin
SlurmctldHost=${host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=${folder}/munge.socket
CryptoType=crypto/munge
SlurmctldPort=${port}
StateSaveLocation=${folder}/state
SlurmdSpoolDir=${folder}/spool-%n
SlurmctldPidFile=${folder}/slurmctld.pid
SlurmdPidFile=${folder}/slurmd-%n.pid
SlurmctldLogFile=${folder}/log/ctld.log
SlurmdLogFile=${folder}/log/%n.log
SlurmdTimeout=5
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0,default_queue_depth=1000
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
ReturnToService=2
MinJobAge=300
MaxArraySize=1001
NodeName=one NodeHostname=${host} NodeAddr=127.0.0.1 Port=${port + 1} CPUs=2 RealMemory=2000 State=UNKNOWN
NodeName=two NodeHostname=${host} NodeAddr=127.0.0.1 Port=${port + 2} CPUs=2 RealMemory=2000 State=UNKNOWN
PartitionName=debug Nodes=one,two Default=YES MaxTime=INFINITE State=UP
`;
}
