// Shows the snapshots that the local Fly sends. Rows are kept and only their text changes, so that
// a selection, the focus and a screen reader's place survive each of them.
"use strict";

const RATES_KEPT = 60;
const GOOD_STATES = new Set(["started"]);
const BAD_STATES = new Set(["failed", "destroyed"]);
const RESTING_STATES = new Set(["created", "stopped", "suspended"]);

const byId = (id) => document.getElementById(id);
const views = new Map(); // app name → AppView

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function setAttribute(element, name, value) {
  if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

function number(value) {
  return value >= 100 ? Math.round(value).toLocaleString("en") : value.toFixed(1);
}

class AppView {
  constructor(app) {
    this.root = byId("app-template").content.firstElementChild.cloneNode(true);
    this.rows = new Map();
    this.rates = [];
    this.shownEvents = "";
    const title = this.find("h2");
    title.textContent = app.name;
    title.id = `app-${app.name}`;
    this.root.setAttribute("aria-labelledby", title.id);
    this.find(".url").textContent = this.find(".url").href = app.url;
    this.find("caption").textContent = `Machines of ${app.name}`;
    this.find(".scroll").setAttribute("aria-label", `Machines of ${app.name}`);
    this.find("progress").setAttribute("aria-label", `Rollout of ${app.name}`);
  }

  find(selector) {
    return this.root.querySelector(selector);
  }

  update(app) {
    setText(this.find(".rate strong"), number(app.rate));
    this.drawRates(app.rate);
    this.showRollout(app.rollout);
    this.root.classList.toggle("grouped", app.has_groups);
    this.showMachines(app.machines);
    this.showEvents(app.events);
  }

  drawRates(rate) {
    this.rates.push(rate);
    if (this.rates.length > RATES_KEPT) this.rates.shift();
    const top = Math.max(1, ...this.rates);
    const first = RATES_KEPT - this.rates.length;
    const points = this.rates.map((one, at) => `${first + at},${19 - (18 * one) / top}`);
    this.find(".spark polyline").setAttribute("points", points.join(" "));
  }

  showRollout(rollout) {
    const box = this.find(".rollout");
    box.hidden = !rollout;
    if (!rollout) return;
    box.classList.toggle("under-way", rollout.is_under_way);
    setText(this.find(".rollout-text"), rolloutText(rollout));
    const bar = this.find("progress");
    bar.hidden = !rollout.is_under_way;
    bar.max = rollout.wanted || 1;
    bar.value = rollout.serving;
  }

  showMachines(machines) {
    const body = this.find("tbody");
    const present = new Set(machines.map((machine) => machine.id));
    for (const [id, row] of this.rows) {
      if (!present.has(id)) {
        row.remove();
        this.rows.delete(id);
      }
    }
    machines.forEach((machine, place) => {
      const row = this.rows.get(machine.id) || this.addRow(machine);
      if (body.children[place] !== row) body.insertBefore(row, body.children[place] || null);
      updateRow(row, machine);
    });
  }

  addRow(machine) {
    const row = byId("machine-template").content.firstElementChild.cloneNode(true);
    row.dataset.machine = machine.id;
    row.querySelector(".id").textContent = machine.id;
    row.querySelector(".meter").setAttribute("aria-label", `Load of ${machine.id}`);
    this.rows.set(machine.id, row);
    return row;
  }

  showEvents(events) {
    const shown = events.map((event) => event.id).join();
    if (shown === this.shownEvents) return;
    this.shownEvents = shown;
    this.find(".events ol").replaceChildren(...events.map(eventItem));
  }
}

function rolloutText(rollout) {
  const { release, former, serving, wanted, is_under_way: isUnderWay, holder } = rollout;
  const by = holder ? ` · ${holder}` : "";
  if (!isUnderWay) return `${release} serves with ${serving} of ${wanted} machines${by}`;
  const from = former ? `, in place of ${former}` : "";
  return `Rolling out ${release}${from}: ${serving} of ${wanted} machines serve${by}`;
}

function updateRow(row, machine) {
  const cell = (name) => row.querySelector(`.${name}`);
  row.classList.toggle("asleep", RESTING_STATES.has(machine.state));
  setText(cell("name"), machine.name);
  setText(cell("group"), machine.group || "–");
  setText(cell("region"), machine.region);
  setText(cell("release"), machine.release || "–");
  setText(cell("role"), machine.role || "–");
  setText(cell("state"), machine.cordoned ? `${machine.state}, cordoned` : machine.state);
  setAttribute(cell("state"), "data-kind", stateKind(machine));
  showChecks(cell("checks"), machine.checks);
  showLoad(row, machine);
  setText(cell("rate"), number(machine.rate));
}

function stateKind(machine) {
  if (BAD_STATES.has(machine.state)) return "bad";
  if (GOOD_STATES.has(machine.state)) return machine.cordoned ? "calm" : "good";
  return RESTING_STATES.has(machine.state) ? "calm" : "warn";
}

function showChecks(badge, checks) {
  const passing = checks.filter((check) => check.status === "passing").length;
  const isBad = checks.some((check) => check.status === "critical");
  badge.hidden = checks.length === 0;
  setText(badge, `${passing} of ${checks.length} passing`);
  setAttribute(badge, "data-kind", isBad ? "bad" : passing === checks.length ? "good" : "warn");
  setAttribute(badge, "title", checks.map((c) => `${c.name}: ${c.status}`).join("\n"));
}

function showLoad(row, machine) {
  const meter = row.querySelector(".meter");
  const most = machine.hard_limit || machine.soft_limit || 1;
  const text = `${machine.load} of ${most}`;
  meter.classList.toggle("busy", machine.load >= machine.soft_limit);
  meter.classList.toggle("full", machine.hard_limit !== null && machine.load >= most);
  meter.firstElementChild.style.width = `${Math.min(100, (100 * machine.load) / most)}%`;
  setAttribute(meter, "aria-valuemax", most);
  setAttribute(meter, "aria-valuenow", machine.load);
  setText(row.querySelector(".load-text"), text);
}

function eventItem(event) {
  const item = document.createElement("li");
  const time = document.createElement("time");
  const at = new Date(event.at);
  time.dateTime = at.toISOString();
  time.textContent = at.toLocaleTimeString([], { hour12: false });
  item.append(time);
  for (const [kind, text] of [
    ["type", `${event.type} → ${event.status}`],
    ["machine", `${event.machine} ${event.region} ${event.release}`],
    ["source", event.source],
  ]) {
    const part = document.createElement("span");
    part.className = kind;
    part.textContent = text;
    item.append(part);
  }
  return item;
}

function showTotals(apps) {
  const machines = apps.flatMap((app) => app.machines);
  const sum = (values) => values.reduce((total, value) => total + value, 0);
  const running = machines.filter((machine) => machine.state === "started").length;
  const errors = sum(apps.map((app) => app.errors));
  setText(byId("total-apps"), String(apps.length));
  setText(byId("total-machines"), `${running} of ${machines.length}`);
  setText(byId("total-rate"), number(sum(apps.map((app) => app.rate))));
  setText(byId("total-errors"), number(errors));
  byId("total-errors").classList.toggle("alarm", errors > 0);
}

function show(snapshot) {
  const names = new Set(snapshot.apps.map((app) => app.name));
  for (const [name, view] of views) {
    if (!names.has(name)) {
      view.root.remove();
      views.delete(name);
    }
  }
  for (const app of snapshot.apps) {
    if (!views.has(app.name)) {
      views.set(app.name, new AppView(app));
      byId("apps").append(views.get(app.name).root);
    }
    views.get(app.name).update(app);
  }
  byId("empty").hidden = snapshot.apps.length > 0;
  byId("ahead").hidden = !snapshot.ahead_seconds;
  setText(byId("ahead"), `clock ${snapshot.ahead_seconds} s ahead`);
  showTotals(snapshot.apps);
}

function setConnection(state, text) {
  byId("connection").dataset.state = state;
  setText(byId("connection"), text);
}

const stream = new EventSource("/_page/events");
stream.onopen = () => setConnection("live", "live");
stream.onerror = () => setConnection("lost", "not running, or restarting");
stream.onmessage = (message) => show(JSON.parse(message.data));
