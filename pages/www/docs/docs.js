"use strict";
// Shows /api/v1/openapi.json. Texts are only ever inserted as text, never as HTML.

const byId = (id) => document.getElementById(id);

function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

const nameOf = (ref) => ref.split("/").pop();

/** Text with code spans between backticks. */
function inline(text) {
  const made = element("span");
  text.split("`").forEach((part, place) => made.append(place % 2 ? element("code", part) : part));
  return made;
}

/** Paragraphs, and lists whose items begin with a hyphen. Other lines continue the one before. */
function prose(text) {
  const made = element("div", undefined, "prose");
  for (const block of text.split("\n\n")) {
    for (const part of block.split(/\n(?=- )/).map((part) => part.replaceAll("\n", " ").trim()).filter(Boolean)) {
      const isItem = part.startsWith("- ");
      if (isItem && made.lastChild?.nodeName !== "UL") made.append(element("ul"));
      const line = element(isItem ? "li" : "p");
      line.append(inline(isItem ? part.slice(2) : part));
      (isItem ? made.lastChild : made).append(line);
    }
  }
  return made;
}

/** A short form of a schema, with links to the schemas it references. */
function type(schema) {
  const made = element("span");
  const add = (...parts) => made.append(...parts);
  if (!schema) return made;
  if (schema.$ref) {
    const link = element("a", nameOf(schema.$ref));
    link.href = "#schema-" + nameOf(schema.$ref);
    add(link);
  } else if (schema.oneOf) {
    schema.oneOf.forEach((one, place) => add(...(place ? [" or "] : []), type(one)));
  } else if (schema.type === "array") {
    add("list of ", type(schema.items));
  } else if (schema.const !== undefined) {
    add(JSON.stringify(schema.const));
  } else if (schema.enum) {
    add(schema.enum.map((value) => JSON.stringify(value)).join(" or "));
  } else {
    add([schema.type].flat().join(" or "));
  }
  const limits = [
    ["minimum", "min."], ["maximum", "max."], ["minLength", "min. length"], ["maxLength", "max. length"],
    ["minItems", "min. items"], ["maxItems", "max. items"], ["pattern", "pattern"],
  ].filter(([key]) => schema[key] !== undefined).map(([key, words]) => `${words} ${schema[key]}`);
  if (limits.length) add(` (${limits.join(", ")})`);
  return made;
}

function table(rows) {
  const made = element("table");
  for (const cells of rows) {
    const row = made.insertRow();
    for (const cell of cells) row.insertCell().append(cell ?? "");
  }
  return made;
}

function properties(schema) {
  const required = new Set(schema.required ?? []);
  return table(Object.entries(schema.properties ?? {}).map(([name, property]) => [
    element("code", required.has(name) ? name : name + "?"), type(property), prose(property.description ?? ""),
  ]));
}

function example(content) {
  return content?.example === undefined ? [] : [element("pre", JSON.stringify(content.example, null, 2))];
}

function operation(method, path, about) {
  const card = element("article", undefined, "card");
  card.id = about.operationId;
  const title = element("h3");
  title.append(element("span", method, "method " + method), " ", element("code", path));
  card.append(title, element("p", about.summary));
  if (about.description) card.append(prose(about.description));
  const who = (about.security ?? []).flatMap(Object.keys).join(" or ") || "no authentication";
  card.append(element("p", `Permission: ${about["x-permission"]} (${who})`, "quiet"));
  if (about.parameters?.length) {
    card.append(element("h4", "Parameters"), table(about.parameters.map((parameter) => [
      element("code", `${parameter.name} (${parameter.in})`), type(parameter.schema), prose(parameter.description ?? ""),
    ])));
  }
  const request = about.requestBody?.content?.["application/json"];
  if (request) card.append(element("h4", "Request"), type(request.schema), ...example(request));
  card.append(element("h4", "Answers"), table(Object.entries(about.responses).map(([status, response]) => {
    const content = Object.values(response.content ?? {})[0];
    return [element("code", status), type(content?.schema), prose(response.description)];
  })));
  for (const response of Object.values(about.responses)) card.append(...example(response.content?.["application/json"]));
  return card;
}

function schemaCard(name, schema) {
  const card = element("article", undefined, "card");
  card.id = "schema-" + name;
  card.append(element("h3", name));
  if (schema.description) card.append(prose(schema.description));
  card.append(schema.properties ? properties(schema) : type(schema));
  return card;
}

function show(api) {
  document.title = api.info.title;
  byId("title").textContent = api.info.title;
  byId("version").textContent = api.info.version;
  byId("about").append(prose(api.info.description));
  const links = [];
  for (const tag of api.tags) {
    const operations = Object.entries(api.paths).flatMap(([path, methods]) =>
      Object.entries(methods).filter(([, about]) => about.tags.includes(tag.name))
        .map(([method, about]) => [method, path, about]));
    const group = element("section");
    group.append(element("h3", tag.name));
    byId("list").append(group);
    const heading = element("h2", tag.name);
    heading.append(element("span", tag.description, "quiet"));
    byId("operations").append(heading);
    for (const [method, path, about] of operations) {
      byId("operations").append(operation(method, path, about));
      const link = element("a", about.summary);
      link.href = "#" + about.operationId;
      group.append(link);
      links.push([link, `${method} ${path} ${about.summary} ${about.operationId}`.toLowerCase()]);
    }
  }
  for (const [name, schema] of Object.entries(api.components.schemas)) byId("schemas").append(schemaCard(name, schema));
  byId("find").addEventListener("input", (event) => {
    const wanted = event.target.value.trim().toLowerCase();
    for (const [link, text] of links) link.hidden = !text.includes(wanted);
    for (const group of byId("list").children) group.hidden = !group.querySelector("a:not([hidden])");
  });
  // The target of the address exists only now.
  if (location.hash) document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
}

fetch("/api/v1/openapi.json")
  .then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(`status ${answer.status}`))))
  .then(show)
  .catch((error) => {
    byId("failed").textContent = `Could not load the document: ${error.message}`;
    byId("failed").hidden = false;
  });
