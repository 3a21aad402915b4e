using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Mica.Oci;

namespace Mica.Registry;

/// <summary>An entry of a credential file: its key as it is spelled there, and what that means.</summary>
internal readonly record struct CredentialEntry(string Text, CredentialKey Key);

/// <summary>
/// A docker <c>config.json</c> or a containers <c>auth.json</c>: <c>auths</c>, <c>credHelpers</c>, <c>credsStore</c>, and
/// whatever else is in it, which is kept as it is. Errors name the file and the entry, and never show content: what is
/// broken may be a secret. containers-auth.json(5); docker login, "Credential stores".
/// </summary>
internal sealed class CredentialFile
{
    private static readonly JsonWriterOptions s_layout = new()
    {
        Indented = true,
        IndentCharacter = '\t',
        IndentSize = 1,
        NewLine = "\n",
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private static readonly string[] s_secrets = ["auth", "password", "identitytoken", "registrytoken"];

    private readonly JsonObject _root;

    private CredentialFile(string name, JsonObject root)
    {
        Name = name;
        _root = root;
        Programs = [.. Section("credHelpers").Select(member =>
            (Entry(member.Key), member.Value is null ? "" : Text(member.Value, "credHelpers", member.Key)))];
        DefaultProgram = _root["credsStore"] is { } store ? Text(store, "credsStore", null) : "";
        Entries = [.. Section("auths").Select(member => Entry(member.Key))];
        foreach (KeyValuePair<string, JsonNode?> member in Section("auths"))
        {
            // Names are decoded when an object is first looked into; what is wrong with them is to be said now.
            _ = (member.Value as JsonObject)?.Count;
        }
    }

    /// <summary>The path, or the variable that the content came from.</summary>
    public string Name { get; }

    /// <summary>What has an entry of its own, with a secret in it or empty.</summary>
    public IReadOnlyList<CredentialEntry> Entries { get; }

    /// <summary>Which helper keeps the credential of which registry; an empty name means this file itself.</summary>
    public IReadOnlyList<(CredentialEntry Entry, string Program)> Programs { get; }

    /// <summary>The helper for all others; empty when there is none.</summary>
    public string DefaultProgram { get; }

    /// <summary>Whether anyone who reads this file learns a secret.</summary>
    public bool HasSecrets => Section("auths").Any(member => member.Value is JsonObject entry
        && s_secrets.Any(name => IsSecret(entry[name])));

    /// <exception cref="MicaException"><see cref="ErrorKind.InvalidArgument"/>: malformed.</exception>
    public static CredentialFile Parse(string name, ReadOnlySpan<byte> json)
    {
        if (json.Trim(" \t\r\n"u8).IsEmpty)
        {
            return new CredentialFile(name, []);
        }

        try
        {
            var options = new JsonDocumentOptions { AllowDuplicateProperties = false };
            return JsonNode.Parse(json, documentOptions: options) is JsonObject root
                ? new CredentialFile(name, root)
                : throw Malformed(name, "not a JSON object");
        }
        catch (JsonException error)
        {
            // The parser's own words, which would be the inner exception, quote the content.
            throw Malformed(name, error.LineNumber is { } line
                ? $"malformed JSON at line {line + 1}, byte {error.BytePositionInLine + 1}"
                : "malformed JSON: a member stands twice in an object");
        }
        catch (InvalidOperationException)
        {
            throw Malformed(name, "malformed JSON: a name that is not Unicode text");
        }
    }

    /// <summary>The credential in the entry; null when the entry is a mere marker.</summary>
    public Credential? Read(CredentialEntry entry)
    {
        if (Section("auths").FirstOrDefault(member => member.Key == entry.Text).Value is not { } value)
        {
            return null;
        }

        JsonObject members = value as JsonObject ?? throw Malformed(Name, $"auths entry \"{Printable.Of(entry.Text)}\" is not an object");
        string? username = Secret(members, "username", entry.Text);
        string? password = Secret(members, "password", entry.Text);
        if (Secret(members, "auth", entry.Text) is { } auth)
        {
            (username, password) = Decode(auth, entry);
        }

        string? identityToken = Secret(members, "identitytoken", entry.Text);
        string? registryToken = Secret(members, "registrytoken", entry.Text);
        bool token = identityToken is not null || registryToken is not null;
        return !token && (username is null || password is null) ? null : new Credential
        {
            Username = username ?? "",
            Password = token && password is "" ? null : password,
            IdentityToken = identityToken,
            RegistryToken = registryToken,
            Origin = Name,
        };
    }

    /// <summary>Puts the credential into the entry that docker or podman would use, in place of every other spelling of its key.</summary>
    public void Write(CredentialKey key, Credential credential)
    {
        JsonObject members = Take(key);
        if (credential.Username.Length > 0 || credential.Password is not null)
        {
            members["auth"] = Convert.ToBase64String(Encoding.UTF8.GetBytes($"{credential.Username}:{credential.Password}"));
        }

        if (credential.IdentityToken is { } identityToken)
        {
            members["identitytoken"] = identityToken;
        }

        if (credential.RegistryToken is { } registryToken)
        {
            members["registrytoken"] = registryToken;
        }
    }

    /// <summary>Leaves an entry without a secret, by which docker knows that a helper has the credential.</summary>
    public void WriteMarker(CredentialKey key) => Take(key);

    /// <summary>Removes the entry in all spellings; false when there was none.</summary>
    public bool Remove(CredentialKey key)
    {
        CredentialEntry[] entries = [.. Entries.Where(entry => entry.Key == key)];
        foreach (CredentialEntry entry in entries)
        {
            ((JsonObject)_root["auths"]!).Remove(entry.Text);
        }

        return entries.Length > 0;
    }

    /// <summary>The document with tabs, as docker writes it. Members keep their order.</summary>
    public byte[] ToJson()
    {
        using var content = new MemoryStream();
        try
        {
            using var writer = new Utf8JsonWriter(content, s_layout);
            _root.WriteTo(writer);
        }
        catch (InvalidOperationException)
        {
            throw Malformed(Name, "malformed JSON: a string that is not Unicode text");
        }

        content.WriteByte((byte)'\n');
        return content.ToArray();
    }

    private static CredentialEntry Entry(string text) => new(text, CredentialKey.Parse(text));

    private static MicaException Malformed(string name, string problem) =>
        new(ErrorKind.InvalidArgument, $"{Printable.Of(name)}: {problem}");

    /// <summary>The entry's object, emptied of secrets and made if need be; what else was in it stays.</summary>
    private JsonObject Take(CredentialKey key)
    {
        if (_root["auths"] is not JsonObject auths)
        {
            _root["auths"] = auths = [];
        }

        // config.json is docker's, whose key for Docker Hub podman understands too; auth.json is podman's, which docker never reads.
        string text = Path.GetFileName(Name) == "config.json" ? key.ToDockerText() : key.ToString();
        foreach (CredentialEntry entry in Entries.Where(entry => entry.Key == key && entry.Text != text))
        {
            auths.Remove(entry.Text);
        }

        if (auths[text] is not JsonObject members)
        {
            auths[text] = members = [];
        }

        foreach (string name in s_secrets.Append("username"))
        {
            members.Remove(name);
        }

        return members;
    }

    private JsonObject Section(string name) => _root[name] switch
    {
        null => [],
        JsonObject section => section,
        _ => throw Malformed(Name, $"{name} is not an object"),
    };

    private static bool IsSecret(JsonNode? value)
    {
        try
        {
            return value is JsonValue && value.GetValueKind() == JsonValueKind.String && value.GetValue<string>().Length > 0;
        }
        catch (InvalidOperationException)
        {
            // Not Unicode text; it is a secret to whoever wrote it.
            return true;
        }
    }

    private string? Secret(JsonObject members, string name, string entry) =>
        members[name] is { } value && Text(value, name, entry) is { Length: > 0 } text ? text : null;

    private string Text(JsonNode value, string name, string? entry)
    {
        string what = entry is null ? name : $"{name} of \"{Printable.Of(entry)}\"";
        try
        {
            return value.GetValueKind() == JsonValueKind.String ? value.GetValue<string>() : throw Malformed(Name, $"{what} is not a string");
        }
        catch (InvalidOperationException)
        {
            throw Malformed(Name, $"{what} is not Unicode text");
        }
    }

    private (string? Username, string? Password) Decode(string auth, CredentialEntry entry)
    {
        byte[] bytes = new byte[auth.Length];
        int colon = -1;
        string text = "";
        if (Convert.TryFromBase64String(auth, bytes, out int length))
        {
            text = Encoding.UTF8.GetString(bytes, 0, length);
            colon = text.IndexOf(':', StringComparison.Ordinal);
        }

        // Docker once padded passwords with NUL; a lone colon is what it makes of nothing.
        return text == ":" ? (null, null)
            : colon >= 0 ? (text[..colon], text[(colon + 1)..].TrimEnd('\0'))
            : throw Malformed(Name, $"auth of \"{Printable.Of(entry.Text)}\" is not the base64 of username:password");
    }
}
