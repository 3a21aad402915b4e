using System.Diagnostics;
using System.Globalization;
using System.Text;
using Mica.RegistryServer.Protocol;

namespace Mica.RegistryServer;

/// <summary>A number that grows.</summary>
internal sealed class Counter
{
    private long _value;

    public long Value => Interlocked.Read(ref _value);

    public void Add(long by) => Interlocked.Add(ref _value, by);
}

/// <summary>What the registry counts, in Prometheus' text format.</summary>
internal sealed class RegistryMetrics
{
    private static readonly double[] s_bounds = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10, 60];
    private static readonly string[] s_methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "other"];
    private static readonly RouteKind[] s_kinds = Enum.GetValues<RouteKind>();

    private readonly Counter[,,] _requests = new Counter[s_kinds.Length, s_methods.Length, 5];
    private readonly Counter[,] _durations = new Counter[s_kinds.Length, s_bounds.Length + 1];
    private readonly Counter[] _time = new Counter[s_kinds.Length];
    private long _active;

    public RegistryMetrics()
    {
        for (int kind = 0; kind < s_kinds.Length; kind++)
        {
            _time[kind] = new Counter();
            for (int bound = 0; bound <= s_bounds.Length; bound++)
            {
                _durations[kind, bound] = new Counter();
            }

            for (int method = 0; method < s_methods.Length; method++)
            {
                for (int status = 0; status < 5; status++)
                {
                    _requests[kind, method, status] = new Counter();
                }
            }
        }
    }

    public Counter BlobBytesSent { get; } = new();

    public Counter BlobBytesReceived { get; } = new();

    public Counter BytesFreed { get; } = new();

    public Counter BlobsFreed { get; } = new();

    public Counter UpstreamHits { get; } = new();

    public Counter UpstreamFetches { get; } = new();

    public Counter UpstreamStale { get; } = new();

    public Counter BlobsChecked { get; } = new();

    public Counter BlobsDamaged { get; } = new();

    public Counter WebhooksDelivered { get; } = new();

    public Counter WebhooksFailed { get; } = new();

    public long Active => Interlocked.Read(ref _active);

    public void Begin() => Interlocked.Increment(ref _active);

    public void End(RouteKind kind, string method, int status, long started)
    {
        Interlocked.Decrement(ref _active);
        TimeSpan took = Stopwatch.GetElapsedTime(started);
        int known = Array.IndexOf(s_methods, method);
        _requests[(int)kind, known < 0 ? s_methods.Length - 1 : known, Math.Clamp((status / 100) - 1, 0, 4)].Add(1);
        int bound = 0;
        while (bound < s_bounds.Length && took.TotalSeconds > s_bounds[bound])
        {
            bound++;
        }

        _durations[(int)kind, bound].Add(1);
        _time[(int)kind].Add(took.Ticks);
    }

    /// <summary>The text that a scraper reads.</summary>
    public string Text()
    {
        var text = new StringBuilder();
        Head(text, "mica_registry_requests_total", "counter", "Requests answered.");
        for (int kind = 0; kind < s_kinds.Length; kind++)
        {
            for (int method = 0; method < s_methods.Length; method++)
            {
                for (int status = 0; status < 5; status++)
                {
                    if (_requests[kind, method, status].Value is var count and > 0)
                    {
                        Line(text, $"mica_registry_requests_total{{endpoint=\"{Name(kind)}\",method=\"{s_methods[method]}\",status=\"{status + 1}xx\"}}", count);
                    }
                }
            }
        }

        Head(text, "mica_registry_request_duration_seconds", "histogram", "From the request's head to the end of its answer.");
        for (int kind = 0; kind < s_kinds.Length; kind++)
        {
            Durations(text, kind);
        }

        Head(text, "mica_registry_requests_active", "gauge", "Requests being answered.");
        Line(text, "mica_registry_requests_active", Active);
        Count(text, "mica_registry_blob_bytes_sent_total", "Bytes of blobs that were asked for.", BlobBytesSent);
        Count(text, "mica_registry_blob_bytes_received_total", "Bytes of blobs that were taken.", BlobBytesReceived);
        Count(text, "mica_registry_freed_bytes_total", "Bytes of blobs that were removed.", BytesFreed);
        Count(text, "mica_registry_freed_blobs_total", "Blobs that were removed.", BlobsFreed);
        Count(text, "mica_registry_upstream_hits_total", "Answers from the cache of an upstream registry.", UpstreamHits);
        Count(text, "mica_registry_upstream_fetches_total", "What was fetched from an upstream registry.", UpstreamFetches);
        Count(text, "mica_registry_upstream_stale_total", "Old answers given because the upstream registry failed.", UpstreamStale);
        Count(text, "mica_registry_scrubbed_blobs_total", "Blobs that were read again and hashed.", BlobsChecked);
        Count(text, "mica_registry_damaged_blobs_total", "Blobs that were found damaged.", BlobsDamaged);
        Count(text, "mica_registry_webhooks_delivered_total", "Events that a receiver has taken.", WebhooksDelivered);
        Count(text, "mica_registry_webhooks_failed_total", "Attempts at a delivery that failed.", WebhooksFailed);
        return text.ToString();
    }

    private static string Name(int kind) => s_kinds[kind].ToString().ToLowerInvariant();

    private static void Head(StringBuilder text, string name, string type, string help) =>
        text.Append("# HELP ").Append(name).Append(' ').Append(help).Append("\n# TYPE ").Append(name).Append(' ').Append(type).Append('\n');

    private static void Line(StringBuilder text, string name, long value) => text.Append(name).Append(' ').Append(value).Append('\n');

    private static void Count(StringBuilder text, string name, string help, Counter counter)
    {
        Head(text, name, "counter", help);
        Line(text, name, counter.Value);
    }

    private void Durations(StringBuilder text, int kind)
    {
        long sum = 0;
        for (int bound = 0; bound <= s_bounds.Length; bound++)
        {
            sum += _durations[kind, bound].Value;
        }

        if (sum == 0)
        {
            return;
        }

        long count = 0;
        for (int bound = 0; bound <= s_bounds.Length; bound++)
        {
            count += _durations[kind, bound].Value;
            string edge = bound == s_bounds.Length ? "+Inf" : s_bounds[bound].ToString(CultureInfo.InvariantCulture);
            Line(text, $"mica_registry_request_duration_seconds_bucket{{endpoint=\"{Name(kind)}\",le=\"{edge}\"}}", count);
        }

        text.Append(CultureInfo.InvariantCulture,
            $"mica_registry_request_duration_seconds_sum{{endpoint=\"{Name(kind)}\"}} {TimeSpan.FromTicks(_time[kind].Value).TotalSeconds}\n");
        Line(text, $"mica_registry_request_duration_seconds_count{{endpoint=\"{Name(kind)}\"}}", count);
    }
}
