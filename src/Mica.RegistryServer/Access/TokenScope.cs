using System.Collections.Immutable;
using System.Text.Json;
using Mica.Oci;
using Mica.RegistryServer.Protocol;

namespace Mica.RegistryServer.Access;

/// <summary>
/// What a token is asked for or gives: <c>TYPE:NAME:ACTION,ACTION</c>. Docker registry token authentication, scope.md; beside
/// docker's actions there are <c>create</c> and <c>update</c>, the two halves of <c>push</c>.
/// </summary>
internal sealed record TokenScope(ImmutableArray<TokenGrant> Grants, bool HasCatalog)
{
    private const int MaxScopes = 100;
    private const string Repository = "repository";

    public static TokenScope None { get; } = new([], false);

    /// <summary>Reads the parameters of a request: each may hold several, divided by spaces. What is no scope of ours is left out.</summary>
    /// <exception cref="RefusedException">One is malformed, or there are too many.</exception>
    public static TokenScope Parse(IEnumerable<string?> parameters)
    {
        var grants = ImmutableArray.CreateBuilder<TokenGrant>();
        bool hasCatalog = false;
        int count = 0;
        foreach (string text in parameters.SelectMany(parameter => (parameter ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries)))
        {
            if (++count > MaxScopes)
            {
                throw new RefusedException(ErrorCode.BadRequest, $"more than {MaxScopes} scopes");
            }

            int first = text.IndexOf(':', StringComparison.Ordinal);
            int last = text.LastIndexOf(':');
            if (first <= 0 || last <= first)
            {
                throw new RefusedException(ErrorCode.BadRequest, $"invalid scope: \"{Printable.Of(text)}\"");
            }

            string type = ResourceType(text[..first]);
            string name = text[(first + 1)..last];
            string[] actions = text[(last + 1)..].Split(',');
            if (type == Repository && Route.IsName(name))
            {
                grants.Add(new TokenGrant(name, RightsOf(actions)));
            }

            hasCatalog |= IsCatalog(type, name, actions);
        }

        return new TokenScope(grants.ToImmutable(), hasCatalog);
    }

    /// <summary>Reads the <c>access</c> claim of a token; whatever is not in its form gives nothing.</summary>
    public static TokenScope Read(JsonElement payload)
    {
        if (!payload.TryGetProperty("access", out JsonElement access) || access.ValueKind != JsonValueKind.Array)
        {
            return None;
        }

        var grants = ImmutableArray.CreateBuilder<TokenGrant>();
        bool hasCatalog = false;
        foreach (JsonElement entry in access.EnumerateArray().Take(MaxScopes))
        {
            if (entry.ValueKind == JsonValueKind.Object
                && Text(entry, "type") is { } type && Text(entry, "name") is { } name
                && entry.TryGetProperty("actions", out JsonElement list) && list.ValueKind == JsonValueKind.Array)
            {
                string[] actions = [.. list.EnumerateArray().Where(action => action.ValueKind == JsonValueKind.String).Select(action => action.GetString()!)];
                if (ResourceType(type) == Repository)
                {
                    grants.Add(new TokenGrant(name, RightsOf(actions)));
                }

                hasCatalog |= IsCatalog(type, name, actions);
            }
        }

        return new TokenScope(grants.ToImmutable(), hasCatalog);

        static string? Text(JsonElement entry, string name) =>
            entry.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
    }

    /// <summary>Writes the <c>access</c> claim.</summary>
    public void WriteTo(Utf8JsonWriter writer)
    {
        writer.WriteStartArray("access");
        foreach (TokenGrant grant in Grants)
        {
            Write(writer, Repository, grant.Repository, ActionsOf(grant.Rights));
        }

        if (HasCatalog)
        {
            Write(writer, "registry", "catalog", ["*"]);
        }

        writer.WriteEndArray();
    }

    public static Rights RightsOf(IEnumerable<string> actions) => actions.Aggregate(Rights.None, (sum, action) => sum | action switch
    {
        "pull" => Rights.Read,
        "push" => Rights.Create | Rights.Update,
        "create" => Rights.Create,
        "update" => Rights.Update,
        "delete" => Rights.Delete,
        "*" => Rights.All,
        _ => Rights.None,
    });

    public static IEnumerable<string> ActionsOf(Rights rights)
    {
        const Rights Push = Rights.Create | Rights.Update;
        if ((rights & Rights.Read) != 0)
        {
            yield return "pull";
        }

        if ((rights & Push) == Push)
        {
            yield return "push";
        }
        else if ((rights & Push) != 0)
        {
            yield return (rights & Rights.Create) != 0 ? "create" : "update";
        }

        if ((rights & Rights.Delete) != 0)
        {
            yield return "delete";
        }
    }

    /// <summary>A type may carry a class in parentheses, for plugins of long ago.</summary>
    private static string ResourceType(string type) => type.Split('(')[0];

    private static bool IsCatalog(string type, string name, string[] actions) =>
        type == "registry" && name == "catalog" && actions.Contains("*");

    private static void Write(Utf8JsonWriter writer, string type, string name, IEnumerable<string> actions)
    {
        writer.WriteStartObject();
        writer.WriteString("type", type);
        writer.WriteString("name", name);
        writer.WriteStartArray("actions");
        foreach (string action in actions)
        {
            writer.WriteStringValue(action);
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }
}
