import ZongJi from '@vlasky/zongji';

// Decodes rows with zongji alone and ends when it has had as many as it was asked for.
const { host, port, user, file, position, rows } = JSON.parse(process.argv[2]!) as {
  host: string;
  port: number;
  user: string;
  file: string;
  position: number;
  rows: number;
};

const zongji = new ZongJi({ host, port, user, password: process.env.MYSQL_PWD } as never);
let seen = 0;
zongji.on('binlog', (event) => {
  seen += (event as { rows?: readonly unknown[] }).rows?.length ?? 0;
  if (seen >= rows) process.exit(0);
});
zongji.on('error', (error: Error) => {
  throw error;
});
zongji.start({
  filename: file,
  position,
  serverId: 4242,
  includeEvents: ['tablemap', 'rotate', 'writerows', 'updaterows', 'deleterows'],
});
