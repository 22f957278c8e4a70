import { panels } from '../panels/messages/zh';
import type { Catalogue } from '.';

export const zh: Catalogue = {
  ...panels,
  copy: '复制',
  copied: '已复制',
  retry: '重试',
  'health.ok': '健康',
  'health.warn': '需要关注',
  'health.bad': '异常',
  'health.done': '已完成',
  'session.closed.title': '此页面需要新的链接',
  'session.closed.text': '仪表板通过一次性链接打开。运行此命令打开新的链接：',
  'session.unreachable.title': '代理没有响应',
  'session.unreachable.text': '它在后台运行并提供此页面。此命令可重新启动它：',
  'failure.title': '页面的这一部分出错了',
};
