"""Writes the fleet of benches/fleet.rs for other generators: peers.py SERVICES FOLDER."""

import json
import pathlib
import sys

count, folder = int(sys.argv[1]), pathlib.Path(sys.argv[2])
shared = {
    "LOG_LEVEL": "info", "LOG_FORMAT": "json", "TZ": "UTC", "HTTP_PORT": "8080",
    "METRICS_PORT": "9090", "OTEL_ENDPOINT": "http://otel:4317", "CACHE_TTL": "300",
}
services = [
    {
        "name": f"svc-{n:04}",
        "image": f"example/svc-{n:04}:1.{n % 20}.{n % 7}",
        "env": {
            "SERVICE_NAME": f"svc-{n:04}",
            "DATABASE_URL": f"postgres://svc-{n:04}@db-{n % 5}.internal:5432/shop",
            "FEATURE_FLAGS": f"checkout,search,v{n % 9}",
        },
    }
    for n in range(1, count + 1)
]


def write(path, text):
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)


write("fleet.jsonnet", f"""
local shared = {json.dumps(shared)};
local labels(s) = {{ 'app.kubernetes.io/name': s.name, 'app.kubernetes.io/part-of': 'fleet' }};
local probe = {{ httpGet: {{ path: '/healthz', port: 'http' }}, periodSeconds: 10, timeoutSeconds: 3, failureThreshold: 3 }};
local deployment(s) = {{
  apiVersion: 'apps/v1', kind: 'Deployment', metadata: {{ name: s.name, labels: labels(s) }},
  spec: {{
    replicas: 3, minReadySeconds: 10, selector: {{ matchLabels: labels(s) }},
    strategy: {{ rollingUpdate: {{ maxSurge: 1, maxUnavailable: 0 }} }},
    template: {{ metadata: {{ labels: labels(s) }}, spec: {{ containers: [{{
      name: s.name, image: s.image,
      ports: [{{ name: 'http', containerPort: 8080 }}, {{ name: 'metrics', containerPort: 9090 }}],
      local env = shared + s.env, env: [{{ name: k, value: env[k] }} for k in std.objectFields(env)],
      readinessProbe: probe, startupProbe: probe {{ failureThreshold: 5 }},
      resources: {{ requests: {{ cpu: '100m', memory: '128Mi' }}, limits: {{ cpu: '500m', memory: '256Mi' }} }},
    }}] }} }},
  }},
}};
local service(s) = {{
  apiVersion: 'v1', kind: 'Service', metadata: {{ name: s.name, labels: labels(s) }},
  spec: {{ selector: labels(s), ports: [{{ name: 'http', port: 8080 }}, {{ name: 'metrics', port: 9090 }}] }},
}};
std.flattenArrays([[deployment(s), service(s)] for s in {json.dumps(services)}])
""")

write("helm/Chart.yaml", "apiVersion: v2\nname: fleet\nversion: 0.1.0\n")
write("helm/values.yaml", json.dumps({"shared": shared, "services": services}))
write("helm/templates/fleet.yaml", """{{- range .Values.services }}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ .name }}, labels: {app.kubernetes.io/name: {{ .name }}, app.kubernetes.io/part-of: fleet}}
spec:
  replicas: 3
  minReadySeconds: 10
  selector: {matchLabels: {app.kubernetes.io/name: {{ .name }}}}
  strategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}
  template:
    metadata: {labels: {app.kubernetes.io/name: {{ .name }}}}
    spec:
      containers:
        - name: {{ .name }}
          image: {{ .image }}
          ports: [{name: http, containerPort: 8080}, {name: metrics, containerPort: 9090}]
          env:
            {{- range $k, $v := merge (dict) .env $.Values.shared }}
            - {name: {{ $k }}, value: {{ $v | quote }}}
            {{- end }}
          readinessProbe: {httpGet: {path: /healthz, port: http}, periodSeconds: 10, timeoutSeconds: 3}
          resources: {requests: {cpu: 100m, memory: 128Mi}, limits: {cpu: 500m, memory: 256Mi}}
---
apiVersion: v1
kind: Service
metadata: {name: {{ .name }}}
spec:
  selector: {app.kubernetes.io/name: {{ .name }}}
  ports: [{name: http, port: 8080}, {name: metrics, port: 9090}]
{{- end }}
""")

compose = ["services:\n"]
for s in services:
    env = "".join(f"      {k}: {json.dumps(v)}\n" for k, v in {**shared, **s["env"]}.items())
    compose.append(
        f"  {s['name']}:\n    image: {s['image']}\n    ports: [\"8080\", \"9090\"]\n    environment:\n{env}"
        "    deploy: {replicas: 3}\n"
    )
write("compose.yaml", "".join(compose))
