using System.Collections.Immutable;
using System.Globalization;

namespace Mica.Runtime;

/// <summary>The ids that an administrator gave to a user besides their own. subuid(5).</summary>
internal static class SubordinateIds
{
    /// <summary>The user's own id as 0, and from 1 on those of <paramref name="lines"/> for their name or number; empty: none.</summary>
    public static ImmutableArray<IdRange> Parse(IEnumerable<string> lines, string? userName, uint userId, uint ownId)
    {
        string number = userId.ToString(CultureInfo.InvariantCulture);
        ImmutableArray<IdRange>.Builder ranges = ImmutableArray.CreateBuilder<IdRange>();
        ranges.Add(new IdRange(0, ownId, 1));
        uint next = 1;
        foreach (string line in lines)
        {
            if (line.Split(':') is [var name, var start, var count]
                && ((userName is not null && name == userName) || name == number)
                && uint.TryParse(start, NumberStyles.None, CultureInfo.InvariantCulture, out uint first)
                && uint.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out uint length)
                && length > 0 && first <= uint.MaxValue - length && next <= uint.MaxValue - length)
            {
                ranges.Add(new IdRange(next, first, length));
                next += length;
            }
        }

        return next > 1 ? ranges.ToImmutable() : [];
    }

    /// <summary>The name of a user in passwd(5).</summary>
    public static string? FindUserName(IEnumerable<string> passwd, uint userId)
    {
        string number = userId.ToString(CultureInfo.InvariantCulture);
        return passwd.Select(line => line.Split(':')).FirstOrDefault(fields => fields.Length > 2 && fields[2] == number)?[0];
    }
}
