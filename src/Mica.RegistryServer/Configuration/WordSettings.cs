using System.Collections.Immutable;
using System.Data.Common;
using System.Text.Json;
using Mica.RegistryServer.Access;

namespace Mica.RegistryServer.Configuration;

/// <summary>Rights, as a list of their names.</summary>
internal sealed class RightsSetting : Setting<Rights>
{
    private static readonly ImmutableArray<(string Word, Rights Value)> s_words =
    [
        ("read", Rights.Read), ("create", Rights.Create), ("update", Rights.Update), ("delete", Rights.Delete), ("all", Rights.All),
    ];

    private readonly ListSetting<Rights> _list = new(new ChoiceSetting<Rights>(s_words), least: 1);

    public override Rights Read(ConfigurationNode node, string path, SettingReader reader) =>
        _list.Read(node, path, reader).Aggregate(Rights.None, static (sum, one) => sum | one);

    public override void Write(Utf8JsonWriter writer, Rights value) => _list.Write(
        writer,
        value == Rights.All ? [Rights.All] : [.. s_words.Select(word => word.Value).Where(one => one != Rights.All && value.HasFlag(one))]);

    public override void WriteSchema(Utf8JsonWriter writer) => _list.WriteSchema(writer);
}

/// <summary>An address, or else the path of a file.</summary>
internal sealed class AddressOrPathSetting : TextSetting
{
    public override string Read(ConfigurationNode node, string path, SettingReader reader) => base.Read(node, path, reader) switch
    {
        "" => "",
        var text when text.Contains("://", StringComparison.Ordinal) => text,
        var text => reader.FullPath(text),
    };
}

/// <summary>A connection string, which may not have the password: configurations are printed, and kept in repositories.</summary>
internal sealed class ConnectionSetting : TextSetting
{
    private static readonly string[] s_secrets = ["password", "psw", "pwd", "ssl password"];

    public override string Read(ConfigurationNode node, string path, SettingReader reader)
    {
        string text = base.Read(node, path, reader);
        try
        {
            var parts = new DbConnectionStringBuilder { ConnectionString = text };
            if (s_secrets.FirstOrDefault(parts.ContainsKey) is { } secret)
            {
                reader.Fail(node, path, $"has a {secret} in it: put it into a file, and name that as postgreSqlPasswordFile");
            }
        }
        catch (ArgumentException)
        {
            // The message may quote the text.
            reader.Fail(node, path, "has to be NAME=VALUE;NAME=VALUE…");
        }

        return text;
    }
}
