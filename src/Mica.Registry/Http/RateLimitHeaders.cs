using System.Globalization;
using Mica.Oci;

namespace Mica.Registry;

/// <summary>What Docker Hub says is left of a pull limit: <c>ratelimit-limit: 100;w=21600</c> and <c>ratelimit-remaining: 76;w=21600</c>.</summary>
internal static class RateLimitHeaders
{
    /// <summary>Null when the answer says nothing of it.</summary>
    public static RateLimitSeen? Of(HttpResponseMessage response, string host) =>
        Parse(response, "ratelimit-limit") is { } limit && Parse(response, "ratelimit-remaining") is { } remaining
            ? new RateLimitSeen(host, limit.Count, remaining.Count, limit.Window)
            : null;

    private static (int Count, TimeSpan Window)? Parse(HttpResponseMessage response, string name)
    {
        if (!response.Headers.NonValidated.TryGetValues(name, out var values) || values.Count == 0)
        {
            return null;
        }

        string[] parts = values.ToString().Split(';', StringSplitOptions.TrimEntries);
        int window = 0;
        foreach (string part in parts.Skip(1))
        {
            if (part.StartsWith("w=", StringComparison.Ordinal))
            {
                _ = int.TryParse(part.AsSpan(2), NumberStyles.None, CultureInfo.InvariantCulture, out window);
            }
        }

        return int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out int count)
            ? (count, TimeSpan.FromSeconds(window))
            : null;
    }
}
