namespace Mica.Registry;

/// <summary>The <c>Link: &lt;address&gt;; rel="next"</c> of an answer that goes on. RFC 8288.</summary>
internal static class LinkHeader
{
    /// <summary>The address of the next page, absolute; null when this is the last.</summary>
    public static Uri? Next(HttpResponseMessage response)
    {
        if (!response.Headers.NonValidated.TryGetValues("Link", out var values))
        {
            return null;
        }

        foreach (string value in values)
        {
            int open = value.IndexOf('<', StringComparison.Ordinal);
            int close = value.IndexOf('>', StringComparison.Ordinal);
            if (open >= 0 && close > open && IsNext(value[(close + 1)..])
                && Uri.TryCreate(response.RequestMessage!.RequestUri, value[(open + 1)..close], out Uri? address))
            {
                return address;
            }
        }

        return null;
    }

    private static bool IsNext(string parameters) => parameters
        .Split([';', ','], StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
        .Any(parameter => parameter.StartsWith("rel", StringComparison.OrdinalIgnoreCase)
            && parameter.Split('=', 2) is [_, var relation]
            && relation.Trim().Trim('"').Equals("next", StringComparison.OrdinalIgnoreCase));
}
